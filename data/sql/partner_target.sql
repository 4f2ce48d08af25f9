-- partner_target: what is aimed at with single partners; targets whose scope is partner_id=KEY.
-- grain: partner_id, metric, period
-- keep: view
select substr(scope, 12) as partner_id, metric, period, value
from feed_targets
where scope like 'partner\_id=%' escape '\'

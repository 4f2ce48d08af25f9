-- target: what the company wants to reach.
-- grain: metric, scope, period
-- keep: view
select * from feed_targets

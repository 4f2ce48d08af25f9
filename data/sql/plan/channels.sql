-- channels: the channels of the company in the order of their names. capacity: -1 where there is no limit.
select
    channel,
    coalesce(label, channel) as label,
    coalesce(kind, '') as kind,
    coalesce(unit_cost, 0) as unit_cost,
    unit_cost is not null as priced,
    coalesce(cast(floor(capacity_per_month) as bigint), -1) as capacity,
    cast(ceil(coalesce(min_days_between, 0)) as integer) as min_days_between,
    coalesce(needs_consent, true) as needs_consent
from feed_channels
order by channel

-- resting: whole days that must pass between two contacts of one customer, by channel.
select
    channel,
    cast(ceil(coalesce(max(min_days_between), 0)) as integer) as days
from feed_channels
group by channel

-- channels: contacts per customer in a window and what the caps say, by channel and on all of them ('(any)', first).
-- {least}: what is about fewer customers is not told; 0 for who sees single ones. Where the channels that are not told
-- have fewer together, the next larger one is not told either, or the sum of all channels would tell of them.
with mine as (
    select t.*, t.{window} as sent
    from contact_pressure t
    join customer c on c.customer_id = t.customer_id
    where {chosen}
),
summed as (
    select
        channel,
        sum(sent) as sent,
        count(*) filter (sent > 0) as reached,
        quantile_disc(sent, 0.95) filter (sent > 0) as sent_95,
        max(sent) as sent_most,
        sum(contacts) as contacts,
        count(*) filter (contacts > 0) as reached_12m,
        sum(too_soon) as too_soon,
        count(*) filter (too_soon > 0) as of_too_soon,
        sum(over_cap) as over_cap,
        count(*) filter (over_cap > 0) as of_over_cap,
        sum(beyond) as beyond,
        sum(beyond_cost) as beyond_cost,
        count(*) filter (beyond > 0) as of_beyond,
        count(*) filter (resting) as resting
    from mine
    group by channel
),
capped as (
    select count(distinct customer_id) as customers, count(distinct customer_id) filter (resting) as at_cap from mine
),
told as (
    select
        s.channel = '(any)' as is_all,
        s.*,
        c.at_cap,
        s.reached >= {least} and coalesce(sum(s.reached) over by_reached, 0) not between 1 and {least} - 1
            as tells_sent,
        s.reached_12m >= {least} and coalesce(sum(s.reached_12m) over by_reached_12m, 0) not between 1 and {least} - 1
            as tells_contacts,
        s.of_too_soon >= {least} and coalesce(sum(s.of_too_soon) over by_too_soon, 0) not between 1 and {least} - 1
            as tells_too_soon,
        s.of_over_cap >= {least} and coalesce(sum(s.of_over_cap) over by_over_cap, 0) not between 1 and {least} - 1
            as tells_over_cap,
        s.of_beyond >= {least} and coalesce(sum(s.of_beyond) over by_beyond, 0) not between 1 and {least} - 1
            as tells_beyond,
        s.resting >= {least} and s.reached_12m - s.resting not between 1 and {least} - 1 as tells_resting,
        c.at_cap >= {least} and c.customers - c.at_cap not between 1 and {least} - 1 as tells_at_cap
    from summed s
    cross join capped c
    window
        by_reached as (partition by is_all order by s.reached, s.channel rows between unbounded preceding and 1 preceding),
        by_reached_12m as (partition by is_all order by s.reached_12m, s.channel rows between unbounded preceding and 1 preceding),
        by_too_soon as (partition by is_all order by s.of_too_soon, s.channel rows between unbounded preceding and 1 preceding),
        by_over_cap as (partition by is_all order by s.of_over_cap, s.channel rows between unbounded preceding and 1 preceding),
        by_beyond as (partition by is_all order by s.of_beyond, s.channel rows between unbounded preceding and 1 preceding)
)
select
    channel,
    cast(case when tells_sent then sent end as bigint) as sent,
    case when tells_sent then reached end as reached,
    case when tells_sent then sent / nullif(reached, 0) end as sent_mean,
    case when reached >= 20 * {least} then sent_95 end as sent_95,
    case when {least} = 0 then sent_most end as sent_most,
    cast(case when tells_contacts then contacts end as bigint) as contacts,
    case when tells_contacts then reached_12m end as reached_12m,
    cast(case when tells_too_soon then too_soon end as bigint) as too_soon,
    case when tells_too_soon then of_too_soon end as of_too_soon,
    cast(case when tells_over_cap then over_cap end as bigint) as over_cap,
    case when tells_over_cap then of_over_cap end as of_over_cap,
    cast(case when tells_beyond then beyond end as bigint) as beyond,
    case when tells_beyond then beyond_cost end as beyond_cost,
    case when tells_resting then resting end as resting,
    case when is_all and tells_at_cap then at_cap end as at_cap
from told
order by is_all desc, channel

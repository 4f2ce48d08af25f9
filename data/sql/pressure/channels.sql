-- channels: contacts per customer in a window and what the caps say, by channel and on all of them ('(any)', first).
-- {least}: what is about fewer customers is not told, nor what could be worked out from it; 0 for who sees single ones.
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
few as (
    select
        coalesce(sum(reached) filter (reached < {least}), 0) as reached,
        coalesce(sum(reached_12m) filter (reached_12m < {least}), 0) as reached_12m,
        coalesce(sum(of_too_soon) filter (of_too_soon < {least}), 0) as too_soon,
        coalesce(sum(of_over_cap) filter (of_over_cap < {least}), 0) as over_cap,
        coalesce(sum(of_beyond) filter (of_beyond < {least}), 0) as beyond
    from summed
    where channel <> '(any)'
),
told as (
    select
        s.channel = '(any)' as is_all,
        s.*,
        s.reached >= {least} and (not is_all or f.reached not between 1 and {least} - 1) as tells_sent,
        s.reached_12m >= {least} and (not is_all or f.reached_12m not between 1 and {least} - 1) as tells_contacts,
        s.of_too_soon >= {least} and (not is_all or f.too_soon not between 1 and {least} - 1) as tells_too_soon,
        s.of_over_cap >= {least} and (not is_all or f.over_cap not between 1 and {least} - 1) as tells_over_cap,
        s.of_beyond >= {least} and (not is_all or f.beyond not between 1 and {least} - 1) as tells_beyond,
        s.resting >= {least} and s.reached_12m - s.resting not between 1 and {least} - 1 as tells_resting,
        c.at_cap >= {least} and c.customers - c.at_cap not between 1 and {least} - 1 as tells_at_cap,
        c.at_cap
    from summed s
    cross join capped c
    cross join few f
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

-- campaign_arm_day: each arm of a campaign day by day: what its customers had done by the end of that day, in sums.
-- grain: campaign_id, stratum, arm, day
-- keep: temp
-- A customer who goes from c to c + a adds (c + a)² − c² to the squares: nobody's days need to be kept. Without costs of lines, margin
-- is revenue until it is multiplied by the campaign's rate.
with assigned as materialized (
    select a.*, s.stratum, w.outcome, w.measured_from, w.measured_to, w.first_day
    from campaign_customer a
    join campaign_stratum s on s.campaign_id = a.campaign_id and s.arm = a.arm and s.p_assign is not distinct from a.p_assign
    join campaign_window w on w.campaign_id = a.campaign_id
),
bought as (
    select
        customer_id,
        ordered_at,
        sum(revenue)::decimal(18, 4) as revenue,
        sum(revenue - coalesce(cost, 0))::decimal(18, 4) as margin,
        count(distinct case when line_type = 'sale' then order_id end)::decimal(18, 4) as orders
    from feed_lines
    where customer_id is not null
    group by customer_id, ordered_at
),
event as (
    select
        a.campaign_id,
        a.customer_id,
        a.arm,
        a.stratum,
        a.first_day,
        b.ordered_at as happened_at,
        case a.outcome when 'orders' then b.orders when 'margin' then b.margin else b.revenue end as amount
    from assigned a
    join bought b on b.customer_id = a.customer_id
    where a.outcome <> 'responses' and b.ordered_at >= a.measured_from and b.ordered_at < a.measured_to
    union all
    select campaign_id, customer_id, arm, stratum, first_day, answered_at, 1
    from assigned
    where outcome = 'responses' and answered_at is not null
),
daily as (
    select
        campaign_id,
        stratum,
        arm,
        customer_id,
        greatest(cast(timezone({zone}, timezone('UTC', happened_at)) as date), first_day) as day,
        cast(sum(amount) as decimal(18, 4)) as amount
    from event
    group by all
),
summed as (
    select
        *,
        cast(sum(amount) over (partition by campaign_id, customer_id order by day) as decimal(18, 4)) as total
    from daily
),
added as (
    select
        campaign_id,
        stratum,
        arm,
        day,
        sum(amount) as total,
        sum(total * total - cast(total - amount as decimal(18, 4)) * cast(total - amount as decimal(18, 4))) as squares,
        sum(case when total <> 0 then 1 else 0 end - case when total <> amount then 1 else 0 end) as events
    from summed
    group by campaign_id, stratum, arm, day
),
calendar as (
    select
        r.campaign_id, r.stratum, r.arm, r.n,
        unnest(generate_series(w.first_day, least(w.last_day, cut_off.cut), interval 1 day))::date as day
    from campaign_arm r
    join campaign_window w on w.campaign_id = r.campaign_id
    cross join cut_off
)
select
    c.campaign_id,
    c.stratum,
    c.arm,
    c.day,
    c.n,
    cast(sum(coalesce(a.total, 0)) over so_far as double) as total,
    cast(sum(coalesce(a.squares, 0)) over so_far as double) as squares,
    cast(sum(coalesce(a.events, 0)) over so_far as bigint) as events
from calendar c
left join added a on a.campaign_id = c.campaign_id and a.stratum = c.stratum and a.arm = c.arm and a.day = c.day
window so_far as (partition by c.campaign_id, c.stratum, c.arm order by c.day)

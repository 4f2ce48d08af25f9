-- campaign_outcome: what each customer of a campaign did within its window and before it, whatever came of the contact.
-- grain: campaign_id, customer_id
-- keep: temp
-- split: customer_id
-- _before: in the year before the window; _prior: in a time as long as the window just before it.
-- assigned holds the windows, so that nobody's purchases are held against the windows of all campaigns.
with mine as (
    select * from campaign_customer where {part}
),
assigned as materialized (
    select m.*, w.measured_from, w.measured_to, w.measured_from - (w.measured_to - w.measured_from) as prior_from
    from mine m
    join campaign_window w on w.campaign_id = m.campaign_id
),
bought as (
    select
        customer_id,
        ordered_at,
        sum(revenue)::decimal(18, 4) as revenue,
        sum(revenue - coalesce(cost, 0))::decimal(18, 4) as margin,
        cast(count(distinct case when line_type = 'sale' then order_id end) as integer) as orders
    from feed_lines
    where customer_id is not null and {part}
    group by customer_id, ordered_at
),
other as (
    select customer_id, campaign_id, occurred_at
    from feed_contacts
    where campaign_id is not null and arm = 'treated' and direction = 'out' and {part}
),
touched as (
    select distinct a.campaign_id, a.customer_id
    from assigned a
    join other o on o.customer_id = a.customer_id
    where o.campaign_id <> a.campaign_id and o.occurred_at >= a.measured_from and o.occurred_at < a.measured_to
),
event as (
    select
        a.campaign_id,
        a.customer_id,
        b.* exclude (customer_id),
        b.ordered_at >= a.measured_from as within,
        b.ordered_at < a.measured_from and b.ordered_at >= a.measured_from - interval 365 day as before,
        b.ordered_at < a.measured_from and b.ordered_at >= a.prior_from as prior,
        case when b.ordered_at < a.measured_from and b.orders > 0 then date_diff('day', b.ordered_at, a.measured_from) end as days
    from assigned a
    join bought b on b.customer_id = a.customer_id
    where b.ordered_at < a.measured_to
),
total as (
    select
        campaign_id,
        customer_id,
        sum(case when within then revenue end)::decimal(18, 4) as revenue,
        sum(case when within then margin end)::decimal(18, 4) as margin,
        cast(sum(case when within then orders end) as integer) as orders,
        sum(case when before then revenue end)::decimal(18, 4) as revenue_before,
        cast(sum(case when before then orders end) as integer) as orders_before,
        sum(case when prior then revenue end)::decimal(18, 4) as revenue_prior,
        sum(case when prior then margin end)::decimal(18, 4) as margin_prior,
        cast(sum(case when prior then orders end) as integer) as orders_prior,
        cast(min(days) as integer) as days_since
    from event
    group by campaign_id, customer_id
)
select
    a.campaign_id,
    a.customer_id,
    a.arm,
    a.p_assign,
    a.contacted,
    case when a.answered_at is not null then 1 else 0 end as responses,
    coalesce(t.revenue, 0) as revenue,
    coalesce(t.margin, 0) as margin,
    coalesce(t.orders, 0) as orders,
    coalesce(t.revenue_before, 0) as revenue_before,
    coalesce(t.orders_before, 0) as orders_before,
    coalesce(t.revenue_prior, 0) as revenue_prior,
    coalesce(t.margin_prior, 0) as margin_prior,
    coalesce(t.orders_prior, 0) as orders_prior,
    t.days_since,
    case when touched.customer_id is not null then 1 else 0 end as touched
from assigned a
left join total t on t.campaign_id = a.campaign_id and t.customer_id = a.customer_id
left join touched on touched.campaign_id = a.campaign_id and touched.customer_id = a.customer_id

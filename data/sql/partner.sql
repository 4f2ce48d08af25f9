-- partner: one row a partner over the whole history, with rank, share and cumulative share of revenue.
-- grain: partner_id
-- check: cumulative_share is null or cumulative_share <= 1.000000001
-- Partners with negative revenue are shown but take no part in shares. Among equals the key decides, and the border of
-- the vital few takes all partners that tie with the last one in.
with total as (
    select
        partner_id,
        sum(revenue)::decimal(18, 4) as revenue,
        sum(goods_cost)::decimal(18, 4) as goods_cost,
        sum(margin)::decimal(18, 4) as margin,
        sum(returns)::decimal(18, 4) as returns,
        cast(sum(lines) as bigint) as lines,
        cast(sum(orders) as bigint) as orders
    from partner_month
    group by partner_id
),
reach as (
    select partner_id, count(distinct case when line_type = 'sale' then customer_id end) as customers
    from feed_lines
    group by partner_id
),
ranked as (
    select
        total.*,
        coalesce(reach.customers, 0) as customers,
        row_number() over (order by revenue desc, total.partner_id) as revenue_rank,
        case when revenue > 0 then revenue / sum(case when revenue > 0 then revenue end) over () end as revenue_share,
        sum(case when revenue > 0 then revenue end) over (order by revenue desc, total.partner_id)
            / sum(case when revenue > 0 then revenue end) over () as cumulative_share,
        sum(case when revenue > 0 then revenue end) over (order by revenue desc)
            / sum(case when revenue > 0 then revenue end) over () as share_with_equals,
        sum(case when revenue > 0 then revenue end) over (order by revenue desc)
            - sum(case when revenue > 0 then revenue end) over (partition by revenue) as before_equals,
        sum(case when revenue > 0 then revenue end) over () as everything
    from total left join reach on reach.partner_id = total.partner_id
)
select
    r.partner_id,
    coalesce(f.partner_name, r.partner_id) as partner_name,
    coalesce(f.partner_type, '(unknown)') as partner_type,
    coalesce(f.tier, '(unknown)') as tier,
    coalesce(f.region, '(unknown)') as region,
    coalesce(m.manager_id, f.manager_id, '(unknown)') as manager_id,
    coalesce(f.contact_level, '(unknown)') as contact_level,
    r.revenue, r.goods_cost, r.margin, r.returns, r.lines, r.orders, r.customers,
    r.revenue_rank,
    r.revenue_share,
    case when r.revenue > 0 then r.cumulative_share end as cumulative_share,
    coalesce(r.revenue > 0 and r.before_equals < 0.8 * r.everything, false) as vital_few
from ranked r
left join feed_partners f on f.partner_id = r.partner_id
left join manager m on m.subject = 'partner' and m.subject_id = r.partner_id

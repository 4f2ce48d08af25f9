-- partner: one row a partner over the whole history, with rank, share and cumulative share of revenue.
-- grain: partner_id
-- check: cumulative_share is null or cumulative_share <= 1.000000001
-- check: (membership is null) = (revenue_rank is null)
-- Partners with negative revenue are shown but take no part in shares, and what no partner brought, under (unknown), is
-- no partner. Among equals the key decides, and the border of the vital few takes all that tie with the last one in.
-- membership: firm, uncertain or out, as to the vital few, in 95 of 100 redrawn sets of orders.
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
        partner_id,
        row_number() over (order by revenue desc, partner_id) as revenue_rank,
        case when revenue > 0 then revenue / sum(case when revenue > 0 then revenue end) over () end as revenue_share,
        sum(case when revenue > 0 then revenue end) over (order by revenue desc, partner_id)
            / sum(case when revenue > 0 then revenue end) over () as cumulative_share,
        sum(case when revenue > 0 then revenue end) over (order by revenue desc)
            - sum(case when revenue > 0 then revenue end) over (partition by revenue) as before_equals,
        sum(case when revenue > 0 then revenue end) over () as everything
    from total
    where partner_id <> '(unknown)'
)
select
    t.partner_id,
    p.partner_name, p.partner_type, p.tier, p.region, p.manager_id, p.contact_level,
    t.revenue, t.goods_cost, t.margin, t.returns, t.lines, t.orders,
    coalesce(c.customers, 0) as customers,
    p.customers_brought, p.brought_potential,
    r.revenue_rank,
    r.revenue_share,
    case when t.revenue > 0 then r.cumulative_share end as cumulative_share,
    coalesce(t.revenue > 0 and r.before_equals < 0.8 * r.everything, false) as vital_few,
    case
        when r.revenue_rank is null then null
        when l.revenue_ahead_high < 0.8 then 'firm'
        when l.revenue_ahead_low >= 0.8 then 'out'
        else 'uncertain'
    end as membership
from total t
join partner_profile p on p.partner_id = t.partner_id
left join ranked r on r.partner_id = t.partner_id
left join reach c on c.partner_id = t.partner_id
left join learned_partner_place l on l.partner_id = t.partner_id and l.span = 'all'

-- partner_month: what was sold through each partner, by calendar month; lines without partner under (unknown).
-- grain: partner_id, month
-- margin is before service cost, which no partner causes.
with bought as (
    select
        partner_id, month, order_id, customer_id,
        sum(revenue) as revenue, sum(coalesce(cost, 0)) as goods_cost,
        sum(case when line_type = 'return' then -revenue else 0 end) as returns,
        count(*) as lines, max(case when line_type = 'sale' then 1 else 0 end) as orders
    from feed_lines
    group by partner_id, month, order_id, customer_id
)
select
    partner_id,
    month,
    sum(revenue)::decimal(18, 4) as revenue,
    sum(goods_cost)::decimal(18, 4) as goods_cost,
    sum(revenue - goods_cost)::decimal(18, 4) as margin,
    sum(returns)::decimal(18, 4) as returns,
    cast(sum(lines) as bigint) as lines,
    cast(sum(orders) as bigint) as orders,
    count(distinct case when orders = 1 then customer_id end) as customers
from bought
group by partner_id, month

-- purchase: order lines added up to orders, once for each customer and month in which lines of the order lie.
-- grain: order_id, customer_id, month
-- keep: temp
select
    order_id,
    customer_id,
    month,
    min(case when line_type = 'sale' then ordered_at end) as ordered_at,
    sum(revenue)::decimal(18, 4) as revenue,
    sum(coalesce(cost, 0))::decimal(18, 4) as goods_cost,
    sum(case when line_type = 'return' then -revenue else 0 end)::decimal(18, 4) as returns,
    cast(count(*) as integer) as lines,
    max(case when line_type = 'sale' then 1 else 0 end) as orders
from feed_lines
group by order_id, customer_id, month

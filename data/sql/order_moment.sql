-- order_moment: how much each customer's order margins scatter: the yardstick of what a few orders can tell.
-- grain: customer_id
-- keep: temp
-- Added up as decimals: sums of floating-point numbers depend on the order of the rows.
select
    customer_id,
    cast(sum(cast(revenue - goods_cost as decimal(18, 4)) * cast(revenue - goods_cost as decimal(18, 4))) as double) as margin_squared
from purchase
where customer_id is not null
group by customer_id

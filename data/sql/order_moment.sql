-- order_moment: how much each customer's order margins scatter: the yardstick of what a few orders can tell.
-- grain: customer_id
-- keep: temp
-- Added up as decimals, because sums of floating-point numbers depend on the order of the rows; wide ones, because the
-- square of a large order does not fit into the type of money.
with orders as (
    select customer_id, cast(revenue - goods_cost as decimal(28, 4)) as margin
    from purchase
    where customer_id is not null
)
select customer_id, cast(sum(margin * margin) as double) as margin_squared
from orders
group by customer_id

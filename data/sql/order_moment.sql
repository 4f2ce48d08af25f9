-- order_moment: how much single orders' margins scatter in each segment: the yardstick of what a few orders can tell.
-- grain: segment
-- keep: temp
select
    t.segment,
    sum(p.orders) as orders,
    sum(cast(p.revenue - p.goods_cost as double) * cast(p.revenue - p.goods_cost as double)) as margin_squared
from purchase p
join customer_total t on t.customer_id = p.customer_id
group by t.segment

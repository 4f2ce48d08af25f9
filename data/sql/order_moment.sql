-- order_moment: how much single orders' margins scatter in each segment: the yardstick of what a few orders can tell.
-- grain: segment
-- keep: temp
-- Only of customers somebody invested in: those who cost nothing must not change anybody else's ROI.
-- Added up as decimals: sums of floating-point numbers depend on the order of the rows.
select
    t.segment,
    sum(p.orders) as orders,
    cast(sum(cast(p.revenue - p.goods_cost as decimal(18, 4)) * cast(p.revenue - p.goods_cost as decimal(18, 4))) as double) as margin_squared
from purchase p
join customer_total t on t.customer_id = p.customer_id
where t.cost > 0
group by t.segment

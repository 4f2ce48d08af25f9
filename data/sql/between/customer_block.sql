-- customer_block: what each customer bought from $since to $until in each block of orders; code counts the customers in the order of their keys.
with bought as (
    select customer_id, md5_number_lower(order_id) % 128 as block, sum(revenue) as revenue, sum(coalesce(cost, 0)) as cost
    from feed_lines
    where month between $since and $until and customer_id is not null
    group by customer_id, block
),
coded as (
    select customer_id, row_number() over (order by customer_id) - 1 as code from (select distinct customer_id from bought)
)
select
    cast(c.code as integer) as code,
    cast(b.block as integer) as block,
    cast(b.revenue as double) as revenue,
    cast(b.revenue - b.cost as double) as gross_margin
from bought b
join coded c on c.customer_id = b.customer_id

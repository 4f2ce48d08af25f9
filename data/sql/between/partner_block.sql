-- partner_block: what each partner sold from $since to $until in each block of orders; code counts the partners in the order of their keys.
with bought as (
    select partner_id, md5_number_lower(order_id) % 128 as block, sum(revenue) as revenue, sum(coalesce(cost, 0)) as cost
    from feed_lines
    where month between $since and $until and partner_id <> '(unknown)'
    group by partner_id, block
),
coded as (
    select partner_id, row_number() over (order by partner_id) - 1 as code from (select distinct partner_id from bought)
)
select
    cast(c.code as integer) as code,
    cast(b.block as integer) as block,
    cast(b.revenue as double) as revenue,
    cast(b.revenue - b.cost as double) as gross_margin
from bought b
join coded c on c.partner_id = b.partner_id

-- effect_customer: what is known at the cut-off of every customer, as it was known of those tested before their test.
-- grain: customer_id
-- keep: temp
-- fold: the part of the customers that a model learned without, the same in every build.
with moment as (
    select
        timezone('UTC', timezone({zone}, cast(cut + 1 as timestamp))) as ends
    from cut_off
),
bought as (
    select
        l.customer_id,
        cast(count(distinct case when l.line_type = 'sale' and l.ordered_at >= m.ends - interval 365 day then l.order_id end)
            as integer) as orders,
        sum(case when l.ordered_at >= m.ends - interval 365 day then l.revenue end)::decimal(18, 4) as revenue,
        max(case when l.line_type = 'sale' then l.ordered_at end) as last_at
    from feed_lines l
    cross join moment m
    where l.customer_id is not null and l.ordered_at < m.ends
    group by l.customer_id
)
select
    t.customer_id,
    row_number() over (order by t.customer_id) - 1 as number,
    cast(hash(t.customer_id) % 5 as integer) as fold,
    coalesce(b.orders, 0) as orders,
    coalesce(b.revenue, 0) as revenue,
    date_diff('day', b.last_at, m.ends) as days_since
from customer_total t
cross join moment m
left join bought b on b.customer_id = t.customer_id

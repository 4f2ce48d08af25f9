-- customer_total: every customer's sums over the whole history, with the attributes the feeds give them.
-- grain: customer_id
-- keep: temp
-- A customer known only from orders or contacts is a customer all the same; what is not known of them is (unknown).
with total as (
    select
        customer_id,
        sum(revenue)::decimal(18, 4) as revenue,
        sum(goods_cost)::decimal(18, 4) as goods_cost,
        sum(margin)::decimal(18, 4) as margin,
        sum(returns)::decimal(18, 4) as returns,
        cast(sum(lines) as integer) as lines,
        cast(sum(orders) as integer) as orders,
        cast(sum(contacts) as integer) as contacts,
        cast(sum(service_contacts) as integer) as service_contacts,
        cast(sum(responses) as integer) as responses,
        sum(contact_cost)::decimal(18, 4) as contact_cost,
        sum(fixed_cost)::decimal(18, 4) as fixed_cost,
        sum(cost)::decimal(18, 4) as cost,
        sum(service_cost)::decimal(18, 4) as service_cost,
        sum(acquisition_cost)::decimal(18, 4) as acquisition_cost,
        min(first_order_at) as first_order_at,
        max(last_order_at) as last_order_at
    from customer_month
    group by customer_id
)
select
    total.*,
    case when orders > 0 then 1 else 0 end as customers,
    coalesce(f.segment, '(unknown)') as segment,
    coalesce(f.region, '(unknown)') as region,
    coalesce(f.country, '(unknown)') as country,
    coalesce(m.manager_id, f.manager_id, '(unknown)') as manager_id,
    coalesce(f.acquisition_channel, '(unknown)') as acquisition_channel,
    f.joined_at,
    f.ended_at
from total
left join feed_customers f on f.customer_id = total.customer_id
left join manager m on m.subject = 'customer' and m.subject_id = total.customer_id

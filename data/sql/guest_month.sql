-- guest_month: what belongs to no customer, by calendar month: lines without customer, campaigns that reached nobody.
-- grain: month
select
    customer_id,
    month,
    sum(revenue)::decimal(18, 4) as revenue,
    sum(goods_cost)::decimal(18, 4) as goods_cost,
    sum(revenue - goods_cost - service_cost)::decimal(18, 4) as margin,
    sum(returns)::decimal(18, 4) as returns,
    cast(sum(lines) as integer) as lines,
    cast(sum(orders) as integer) as orders,
    cast(sum(contacts) as integer) as contacts,
    cast(sum(service_contacts) as integer) as service_contacts,
    cast(sum(responses) as integer) as responses,
    sum(contact_cost)::decimal(18, 4) as contact_cost,
    sum(fixed_cost)::decimal(18, 4) as fixed_cost,
    sum(contact_cost + fixed_cost)::decimal(18, 4) as cost,
    sum(service_cost)::decimal(18, 4) as service_cost,
    sum(acquisition_cost)::decimal(18, 4) as acquisition_cost,
    min(first_order_at) as first_order_at,
    max(last_order_at) as last_order_at,
    case when sum(orders) > 0 then customer_id end as buyer_id
from relationship_part
where customer_id is null
group by customer_id, month

-- guest_month: what belongs to no customer, by calendar month: lines without customer, campaigns that reached nobody.
-- grain: month
with part as (
    select
        month, revenue, goods_cost, returns, lines, orders,
        0 as contacts, 0 as service_contacts, 0 as responses,
        0 as contact_cost, 0 as fixed_cost, 0 as service_cost, 0 as acquisition_cost,
        ordered_at as first_order_at, ordered_at as last_order_at
    from purchase
    where customer_id is null
    union all
    select month, 0, 0, 0, 0, 0, 0, 0, 0, 0, fixed_cost, 0, 0, null, null
    from campaign_remainder
    where customer_id is null
)
select
    cast(null as varchar) as customer_id,
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
    cast(null as varchar) as buyer_id
from part
group by month

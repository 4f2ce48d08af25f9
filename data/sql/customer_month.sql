-- customer_month: what each customer bought, was sent and cost, by calendar month.
-- grain: customer_id, month
-- split: customer_id
-- check: orders >= 0 and contacts >= responses
-- Events are stacked, never joined to one another: a join would count them twice.
with event as (
    select
        customer_id, month, revenue, goods_cost, returns, lines, orders,
        0 as contacts, 0 as service_contacts, 0 as responses,
        0 as contact_cost, 0 as fixed_cost, 0 as service_cost, 0 as acquisition_cost,
        ordered_at as first_order_at, ordered_at as last_order_at
    from purchase
    where customer_id is not null and {part}
    union all
    select
        customer_id, month, 0, 0, 0, 0, 0,
        contacts, service_contacts, responses, contact_cost, fixed_cost, service_cost, 0, null, null
    from contact
    where {part}
    union all
    select customer_id, month, 0, 0, 0, 0, 0, 0, 0, 0, 0, fixed_cost, 0, 0, null, null
    from campaign_remainder
    where customer_id is not null and {part}
    union all
    select customer_id, month, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, acquisition_cost, null, null
    from joining
    where {part}
),
total as (
    select
        customer_id,
        month,
        sum(revenue)::decimal(18, 4) as revenue,
        sum(goods_cost)::decimal(18, 4) as goods_cost,
        sum(returns)::decimal(18, 4) as returns,
        cast(sum(lines) as integer) as lines,
        cast(sum(orders) as integer) as orders,
        cast(sum(contacts) as integer) as contacts,
        cast(sum(service_contacts) as integer) as service_contacts,
        cast(sum(responses) as integer) as responses,
        sum(contact_cost)::decimal(18, 4) as contact_cost,
        sum(fixed_cost)::decimal(18, 4) as fixed_cost,
        sum(service_cost)::decimal(18, 4) as service_cost,
        sum(acquisition_cost)::decimal(18, 4) as acquisition_cost,
        min(first_order_at) as first_order_at,
        max(last_order_at) as last_order_at
    from event
    group by customer_id, month
)
select
    customer_id,
    month,
    revenue,
    goods_cost,
    (revenue - goods_cost - service_cost)::decimal(18, 4) as margin,
    returns,
    lines,
    orders,
    contacts,
    service_contacts,
    responses,
    contact_cost,
    fixed_cost,
    (contact_cost + fixed_cost)::decimal(18, 4) as cost,
    service_cost,
    acquisition_cost,
    first_order_at,
    last_order_at,
    case when orders > 0 then customer_id end as buyer_id
from total

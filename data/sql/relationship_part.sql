-- relationship_part: what each customer bought, was sent, asked and cost, by month, before the parts are put together.
-- keep: temp
-- Each feed is added up by itself first: joining events to events would count them twice, and is slower.
select
    customer_id, month,
    sum(revenue)::decimal(18, 4) as revenue, sum(goods_cost)::decimal(18, 4) as goods_cost,
    sum(returns)::decimal(18, 4) as returns, cast(sum(lines) as integer) as lines, cast(sum(orders) as integer) as orders,
    0 as contacts, 0 as service_contacts, 0 as responses,
    0 as contact_cost, 0 as fixed_cost, 0 as service_cost, 0 as acquisition_cost,
    min(ordered_at) as first_order_at, max(ordered_at) as last_order_at
from purchase
group by customer_id, month
union all
select
    customer_id, month,
    0, 0, 0, 0, 0,
    cast(sum(contacts) as integer), cast(sum(service_contacts) as integer), cast(sum(responses) as integer),
    sum(contact_cost)::decimal(18, 4), sum(fixed_cost)::decimal(18, 4), sum(service_cost)::decimal(18, 4), 0,
    null, null
from contact
group by customer_id, month
union all
select customer_id, month, 0, 0, 0, 0, 0, 0, 0, 0, 0, fixed_cost, 0, 0, null, null from campaign_remainder
union all
select customer_id, month, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, acquisition_cost, null, null from joining

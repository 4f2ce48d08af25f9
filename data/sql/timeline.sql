-- timeline: each customer's story: orders, returns, contacts, answers, service, one row an event.
-- grain: one row an event of a customer
-- keep: view
select
    customer_id, ordered_at as occurred_at, concat(order_id, '/', coalesce(line_id, product_id)) as event_id,
    case line_type when 'sale' then 'order' when 'return' then 'return' else 'adjustment' end as kind,
    concat(order_id, ' ', category) as what, cast(null as varchar) as channel, cast(null as varchar) as campaign_id,
    revenue, revenue - coalesce(cost, 0) as margin, 0 as cost
from feed_lines
where customer_id is not null
union all
select
    customer_id, occurred_at, coalesce(contact_id, concat(channel, ' ', occurred_at)),
    case when direction = 'in' then 'service' when arm = 'control' then 'held out' else 'contact' end,
    coalesce(campaign_id, channel), channel, campaign_id,
    0, -service_cost, contact_cost + fixed_cost
from contact
union all
select
    customer_id, responded_at, concat(coalesce(contact_id, concat(channel, ' ', occurred_at)), ' answered'),
    'response', coalesce(response_kind, 'answered'), channel, campaign_id, 0, 0, 0
from contact
where responses = 1 and responded_at is not null
union all
select customer_id, cast(month as timestamp), concat(campaign_id, ' share'), 'campaign share', campaign_id, null, campaign_id, 0, 0, fixed_cost
from campaign_remainder
where customer_id is not null
union all
select customer_id, joined_at, 'joined', 'joined', 'relationship began', null, null, 0, 0, 0
from joining

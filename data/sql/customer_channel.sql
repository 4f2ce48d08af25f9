-- customer_channel: how each customer was reached, answered and served, by channel.
-- grain: customer_id, channel
-- split: customer_id
-- check: contacts >= responses
select
    customer_id,
    channel,
    cast(sum(contacts) as integer) as contacts,
    cast(sum(service_contacts) as integer) as service_contacts,
    cast(sum(responses) as integer) as responses,
    sum(contact_cost + fixed_cost)::decimal(18, 4) as cost,
    sum(service_cost)::decimal(18, 4) as service_cost,
    max(occurred_at) as last_at
from contact
where {part}
group by customer_id, channel

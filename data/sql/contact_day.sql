-- contact_day: how each customer was reached, answered and served on each day, by the day on which it was known.
-- grain: customer_id, channel, day, known_day
-- keep: temp
-- check: known_day >= day
-- day is the contact's, also of its answer; an answer is known from the day it came on.
with event as (
    select
        customer_id,
        channel,
        occurred_at,
        greatest(occurred_at, coalesce(recorded_at, occurred_at)) as known_at,
        contacts,
        service_contacts,
        0 as responses,
        contact_cost + fixed_cost as cost,
        service_cost
    from contact
    union all
    select
        customer_id,
        channel,
        occurred_at,
        greatest(occurred_at, coalesce(recorded_at, occurred_at), coalesce(responded_at, occurred_at)),
        0,
        0,
        responses,
        0,
        0
    from contact
    where responses > 0
)
select
    customer_id,
    channel,
    cast(timezone({zone}, timezone('UTC', occurred_at)) as date) as day,
    cast(timezone({zone}, timezone('UTC', known_at)) as date) as known_day,
    cast(sum(contacts) as integer) as contacts,
    cast(sum(service_contacts) as integer) as service_contacts,
    cast(sum(responses) as integer) as responses,
    sum(cost)::decimal(18, 4) as cost,
    sum(service_cost)::decimal(18, 4) as service_cost
from event
group by customer_id, channel, day, known_day

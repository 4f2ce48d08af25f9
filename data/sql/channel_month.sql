-- channel_month: contacts, answers and cost of each channel of communication, by calendar month.
-- grain: channel, month
select
    channel,
    month,
    cast(sum(contacts) as bigint) as contacts,
    cast(sum(service_contacts) as bigint) as service_contacts,
    cast(sum(responses) as bigint) as responses,
    sum(contact_cost)::decimal(18, 4) as contact_cost,
    sum(fixed_cost)::decimal(18, 4) as fixed_cost,
    sum(contact_cost + fixed_cost)::decimal(18, 4) as cost,
    sum(service_cost)::decimal(18, 4) as service_cost
from (
    select channel, month, contacts, service_contacts, responses, contact_cost, fixed_cost, service_cost from contact
    union all
    select cast(null as varchar), month, 0, 0, 0, 0, fixed_cost, 0 from campaign_remainder
) part
group by channel, month

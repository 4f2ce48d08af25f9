-- ledger: everything that happened, one row an event, in additive columns: no figure ever needs a join that counts twice.
-- grain: one row an event
-- keep: view
-- check: kind is not null and month is not null
-- margin is before what was spent on reaching the customer (cost), and after what it cost to serve them.
select
    'line' as kind, order_id as event_id, ordered_at as occurred_at, month, customer_id, partner_id, product_id, category,
    sales_channel, line_type, cast(null as varchar) as channel, cast(null as varchar) as campaign_id,
    revenue, coalesce(cost, 0) as goods_cost, revenue - coalesce(cost, 0) as margin,
    case when line_type = 'return' then -revenue else 0 end as returns,
    1 as lines, 0 as contacts, 0 as service_contacts, 0 as responses,
    0 as contact_cost, 0 as fixed_cost, 0 as cost, 0 as service_cost, 0 as acquisition_cost,
    case when line_type = 'sale' then concat(order_id, '|', coalesce(customer_id, ''), '|', month) end as order_key,
    case when line_type = 'sale' then customer_id end as buyer_id
from feed_lines
union all
select
    'contact', contact_id, occurred_at, month, customer_id, null, null, null,
    null, null, channel, campaign_id,
    0, 0, -service_cost, 0,
    0, contacts, service_contacts, responses,
    contact_cost, fixed_cost, contact_cost + fixed_cost, service_cost, 0,
    null, null
from contact
union all
select
    'campaign cost', campaign_id, cast(month as timestamp), month, customer_id, null, null, null,
    null, null, null, campaign_id,
    0, 0, 0, 0,
    0, 0, 0, 0,
    0, fixed_cost, fixed_cost, 0, 0,
    null, null
from campaign_remainder
union all
select
    'joined', customer_id, joined_at, month, customer_id, null, null, null,
    null, null, null, null,
    0, 0, 0, 0,
    0, 0, 0, 0,
    0, 0, 0, 0, acquisition_cost,
    null, null
from joining

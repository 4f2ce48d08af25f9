-- ledger: everything that happened, one row an event, in additive columns: no figure ever needs a join that counts twice.
-- grain: one row an event
-- keep: view
-- check: kind is not null and month is not null
-- What is expected of customers stands beside what happened: `score` once a customer, `reach` once a customer and channel.
-- order_block: one of 128 blocks into which an order falls by its key, whole, for redrawing orders.
-- margin is before what was spent on reaching the customer (cost), and after what it cost to serve them.
select
    'line' as kind, order_id as event_id, ordered_at as occurred_at, month, customer_id, partner_id, product_id, category,
    sales_channel, line_type, cast(null as varchar) as channel, cast(null as varchar) as campaign_id,
    revenue, coalesce(cost, 0) as goods_cost, revenue - coalesce(cost, 0) as margin,
    case when line_type = 'return' then -revenue else 0 end as returns,
    1 as lines, 0 as contacts, 0 as service_contacts, 0 as responses,
    0 as contact_cost, 0 as fixed_cost, 0 as cost, 0 as service_cost, 0 as acquisition_cost,
    0 as scored, 0 as p_no_purchase, 0 as expected_margin_12m, 0 as potential_value, 0 as potential_1y, 0 as potential_3y, 0 as margin_at_risk, 0 as value_of_acting,
    0 as reached, 0 as high_responders, 0 as low_responders, 0 as unsure_responders, 0 as unresponsive_cost,
    case when line_type = 'sale' then concat(order_id, '|', coalesce(customer_id, ''), '|', month) end as order_key,
    case when line_type = 'sale' then customer_id end as buyer_id,
    cast(md5_number_lower(order_id) % 128 as smallint) as order_block
from feed_lines
union all
select
    'contact', contact_id, occurred_at, month, customer_id, null, null, null,
    null, null, channel, campaign_id,
    0, 0, -service_cost, 0,
    0, contacts, service_contacts, responses,
    contact_cost, fixed_cost, contact_cost + fixed_cost, service_cost, 0,
    0, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0,
    null, null, null
from contact
union all
select
    'campaign cost', campaign_id, cast(month as timestamp), month, customer_id, null, null, null,
    null, null, null, campaign_id,
    0, 0, 0, 0,
    0, 0, 0, 0,
    0, fixed_cost, fixed_cost, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0,
    null, null, null
from campaign_remainder
union all
select
    'joined', customer_id, joined_at, month, customer_id, null, null, null,
    null, null, null, null,
    0, 0, 0, 0,
    0, 0, 0, 0,
    0, 0, 0, 0, acquisition_cost,
    0, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0,
    null, null, null
from joining
union all
select
    'score', customer_id, cast(cut as timestamp), cast(date_trunc('month', cut) as date), customer_id, null, null, null,
    null, null, null, null,
    0, 0, 0, 0,
    0, 0, 0, 0,
    0, 0, 0, 0, 0,
    scored, coalesce(p_no_purchase, 0), coalesce(expected_margin_12m, 0), coalesce(potential_value, 0), coalesce(potential_1y, 0), coalesce(potential_3y, 0), margin_at_risk, value_of_acting,
    0, 0, 0, 0, 0,
    null, null, null
from customer
cross join cut_off
union all
select
    'reach', concat(customer_id, '/', channel), cast(cut as timestamp), cast(date_trunc('month', cut) as date), customer_id, null, null, null,
    null, null, channel, null,
    0, 0, 0, 0,
    0, 0, 0, 0,
    0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0,
    reached, high_responders, low_responders, unsure_responders, unresponsive_cost,
    null, null, null
from learned_response
cross join cut_off

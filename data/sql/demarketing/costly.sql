-- costly: customers whose contacts of a year cost more than the customer is expected to bring, and what else they cost.
-- values: those of the members; $since and $until: the first of the months counted, and the last one; $channels; $purpose
-- expected, low, high: margin of the next twelve months before contacts. channel: the cheapest one that is allowed.
-- Without the upper end of the interval nobody knows the chance of being wrong, so who lacks it is not listed.
-- contact_cost is what no contacts would save: fixed costs of campaigns are spent all the same.
with member as (
    select
        customer_id,
        expected_margin_12m as expected,
        least(coalesce(expected_margin_low, expected_margin_12m), expected_margin_12m) as low,
        greatest(expected_margin_high, expected_margin_12m) as high,
        coalesce({must_keep}, false) as must_keep
    from customer k
    where {chosen} and expected_margin_12m is not null and expected_margin_high is not null
),
year as (
    select
        customer_id,
        sum(contacts) as contacts,
        sum(contact_cost) as contact_cost,
        sum(service_contacts) as service_contacts,
        sum(service_cost) as service_cost,
        sum(returns) as returns
    from customer_month
    where month between $since and $until
    group by customer_id
),
costly as (
    select
        m.*,
        coalesce(y.contacts, 0) as contacts,
        coalesce(y.contact_cost, 0) as contact_cost,
        coalesce(y.service_contacts, 0) as service_contacts,
        coalesce(y.service_cost, 0) as service_cost,
        coalesce(y.returns, 0) as returns
    from member m
    left join year y on y.customer_id = m.customer_id
    where m.expected < coalesce(y.contact_cost, 0)
),
consent as (
    {consent}
),
allowed as (
    select
        c.customer_id,
        arg_min(f.channel, (f.unit_cost, f.channel)) as channel,
        min(f.unit_cost) as unit_cost
    from consent c
    join feed_channels f on f.channel = c.channel
    where c.refusal = '' and f.unit_cost is not null and c.customer_id in (select customer_id from costly)
    group by c.customer_id
)
select
    o.customer_id,
    cast(o.expected as double) as expected,
    cast(o.low as double) as low,
    cast(o.high as double) as high,
    cast(o.contacts as bigint) as contacts,
    cast(o.contact_cost as double) as contact_cost,
    cast(o.service_contacts as bigint) as service_contacts,
    cast(o.service_cost as double) as service_cost,
    cast(o.returns as double) as returns,
    o.must_keep,
    coalesce(a.channel, '') as cheapest,
    cast(coalesce(o.contacts * a.unit_cost, 0) as double) as cheapest_cost
from costly o
left join allowed a on a.customer_id = o.customer_id
order by o.customer_id

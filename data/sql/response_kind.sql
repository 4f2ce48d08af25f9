-- response_kind: what counted as an answer on each channel in the last 24 months.
-- grain: channel, response_kind
-- check: responses > 0 and customers >= 10
-- Kinds of fewer than ten customers are one, 'other kinds'; where that is still of fewer, all kinds of the channel are one.
with answered as (
    select channel, coalesce(response_kind, '(unknown)') as kind, customer_id
    from contact
    cross join cut_off
    where responses = 1 and cast(timezone({zone}, timezone('UTC', occurred_at)) as date) > cut - interval 24 month
),
kinds as (
    select channel, kind, count(distinct customer_id) as customers
    from answered
    group by channel, kind
),
named as (
    select a.channel, a.customer_id, case when k.customers < 10 then 'other kinds' else a.kind end as kind
    from answered a
    join kinds k on k.channel = a.channel and k.kind = a.kind
),
sized as (
    select channel, kind, count(distinct customer_id) as customers
    from named
    group by channel, kind
),
fewest as (
    select channel, min(customers) as customers
    from sized
    group by channel
)
select
    n.channel,
    case when f.customers < 10 then 'all kinds' else n.kind end as response_kind,
    cast(count(*) as integer) as responses,
    cast(count(distinct n.customer_id) as integer) as customers
from named n
join fewest f on f.channel = n.channel
group by n.channel, case when f.customers < 10 then 'all kinds' else n.kind end
having count(distinct n.customer_id) >= 10

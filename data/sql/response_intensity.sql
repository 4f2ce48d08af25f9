-- response_intensity: how often contacts of the last 24 months were answered: by channel, and by how many contacts a customer had.
-- grain: channel, least_contacts
-- check: contacts >= responses and responses >= 0
-- check: customers >= 10
-- check: rate between low and high
-- least_contacts 0 is the channel as a whole, with the spread of its customers' rates (learned_response) from 100 on.
-- Intensities double from one group to the next. A group of fewer than ten customers is one with its neighbour, so that
-- no difference of two groups tells of fewer. The 90 % interval of the rate is Wilson's (1927), with as many contacts as
-- are worth the same when the answers of a customer go together (Kish 1965: design effect); sums of integers are exact.
with reached as (
    select channel, customer_id, sent, answered, rate, cast(ceil(log2(sent)) as integer) as doubling
    from learned_response
),
counted as (
    select channel, doubling, count(*) as customers
    from reached
    group by channel, doubling
),
upto as (
    select
        channel,
        doubling,
        sum(customers) over (partition by channel order by doubling) as below,
        sum(customers) over (partition by channel order by doubling desc) as above
    from counted
),
edge as (
    select
        channel,
        min(doubling) filter (below >= 10) as first,
        max(doubling) filter (above >= 10) as last
    from upto
    group by channel
),
moved as (
    select
        r.*,
        least(greatest(r.doubling, e.first), e.last) as cell,
        e.first,
        e.last
    from reached r
    join edge e on e.channel = r.channel
),
gap as (
    select channel, min(customers) as fewest
    from (select channel, cell, count(*) as customers from moved group by channel, cell) sized
    group by channel
),
placed as (
    select
        m.*,
        case when m.first >= m.last or g.fewest < 10 or m.cell = m.first then 1 else cast(pow(2, m.cell - 1) as integer) + 1 end
            as least_contacts,
        case when m.first < m.last and g.fewest >= 10 and m.cell < m.last then cast(pow(2, m.cell) as integer) end
            as most_contacts
    from moved m
    join gap g on g.channel = m.channel
),
summed as (
    select
        channel,
        coalesce(least_contacts, 0) as least_contacts,
        case when least_contacts is not null then any_value(most_contacts) end as most_contacts,
        cast(count(*) as integer) as customers,
        cast(sum(sent) as bigint) as contacts,
        cast(sum(answered) as bigint) as responses,
        cast(sum(answered * answered) as double) as rr,
        cast(sum(answered * sent) as double) as rc,
        cast(sum(sent * sent) as double) as cc,
        case when least_contacts is null and count(*) >= 100 then quantile_disc(rate, [0.05, 0.25, 0.5, 0.75, 0.95]) end
            as spread
    from placed
    group by grouping sets ((channel, least_contacts), (channel))
    having count(*) >= 10
),
rated as (
    select
        *,
        responses / contacts as rate,
        case
            when responses = 0 or responses = contacts then 1
            else greatest(
                1,
                customers / (customers - 1)
                * (rr - 2 * (responses / contacts) * rc + pow(responses / contacts, 2) * cc)
                / (contacts * (responses / contacts) * (1 - responses / contacts))
            )
        end as design_effect
    from summed
),
wilson as (
    select *, contacts / design_effect as n, pow(1.6448536269514722, 2) as zz
    from rated
)
select
    channel,
    least_contacts,
    most_contacts,
    customers,
    contacts,
    responses,
    rate,
    least(rate, (rate + zz / (2 * n) - sqrt(zz * (rate * (1 - rate) / n + zz / (4 * n * n)))) / (1 + zz / n)) as low,
    greatest(rate, (rate + zz / (2 * n) + sqrt(zz * (rate * (1 - rate) / n + zz / (4 * n * n)))) / (1 + zz / n)) as high,
    spread[1] as rate_05,
    spread[2] as rate_25,
    spread[3] as rate_50,
    spread[4] as rate_75,
    spread[5] as rate_95
from wilson

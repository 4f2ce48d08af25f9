-- judged: the candidates of an audience by key, each with the first reason that keeps it out, and its past outcome.
-- values: $channel, $channels, $purpose, $at, $since, $quiet_days, $most_contacts, $contact_days, $outcome, $rated
-- Reasons are tried in the order of data.audience.REASONS, of which this knows those that the build knows. outcome: what
-- the promised outcome came to from $since to the data's end, 0 for who did nothing.
with candidate as (
    {source}
),
consent as (
    {consent}
),
resting as (
    {resting}
),
reached as (
    {reached}
),
latest as (
    select
        customer_id,
        max(occurred_at) filter (channel = $channel) as on_channel,
        max(occurred_at) as on_any,
        count(*) filter (occurred_at > $at - to_days($contact_days)) as recent
    from reached
    group by customer_id
),
earlier as (
    select
        customer_id,
        case $outcome
            when 'orders' then count(distinct case when line_type = 'sale' then order_id end)
            when 'revenue' then sum(revenue)
            else sum(revenue - coalesce(cost, 0))
        end as outcome
    from feed_lines
    where customer_id is not null and ordered_at > $since and $outcome <> 'responses'
    group by customer_id
    union all
    select customer_id, max(responses)
    from contact
    where occurred_at > $since and $outcome = 'responses'
    group by customer_id
)
select
    c.customer_id,
    case
        when s.refusal <> '' then s.refusal
        when l.on_channel > $at - to_days(coalesce(n.days, 0)) then 'too soon'
        when $most_contacts > 0 and l.recent >= $most_contacts then 'enough contacts'
        when l.on_any > $at - to_days($quiet_days) then 'quiet period'
        when {must_keep} then 'must keep'
        when $rated and k.roi_state <> 'rated' then 'cannot be rated'
        else ''
    end as reason,
    cast(coalesce(e.outcome, 0) as double) as outcome
from candidate c
join customer k on k.customer_id = c.customer_id
join consent s on s.customer_id = c.customer_id
left join resting n on n.channel = $channel
left join latest l on l.customer_id = c.customer_id
left join earlier e on e.customer_id = c.customer_id
order by c.customer_id

-- reached: the contacts of each customer on each channel: whether the last one was too recent, and how many there were
-- in the days of the cap and at the end of the data, and what those cost in ten-thousandths.
-- Contacts before all of these days change nothing, and are most of them.
-- values: those of the members; $names, $at: the moment of planning; $since: from when the cap counts; $recently, $end
with member as (
    {member}
),
reached as (
    {reached}
),
resting as (
    {resting}
)
select
    m.place,
    cast(coalesce(list_position($names::varchar[], r.channel), 0) - 1 as tinyint) as at_channel,
    max(r.occurred_at) > $at - to_days(coalesce(any_value(s.days), 0)) as too_soon,
    cast(count(*) filter (r.occurred_at > $since) as integer) as contacts,
    cast(count(*) filter (r.occurred_at > $recently and r.occurred_at <= $end) as integer) as recent,
    cast(coalesce(sum(r.cost) filter (r.occurred_at > $recently and r.occurred_at <= $end), 0) * 10000 as bigint)
        as recent_cost
from reached r
join member m on m.customer_id = r.customer_id
left join resting s on s.channel = r.channel
where r.occurred_at > least($since, $recently, $at - to_days(coalesce((select max(days) from resting), 0)))
group by m.place, r.channel

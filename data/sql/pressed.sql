-- pressed: customers whom the company contacted in the last 12 months, those under most pressure first, with the caps they hit.
-- grain: place
-- check: hit in ('now', 'earlier', 'never')
-- check: (resting_on is not null) = (hit = 'now')
-- Pressure: contacts on all channels of the last 30 days, then of 90, of 7 and of 12 months; then by key.
-- hit: now, where a cap keeps the customer from a contact at the data's end; earlier, where a contact of the last
-- 12 months was beyond a cap. free_from: the first day on which no cap keeps anything back.
with caps as (
    select
        customer_id,
        string_agg(case when channel = '(any)' then 'all channels' else channel end, ', ' order by channel)
            filter (resting) as resting_on,
        max(rests_until) filter (resting) as free_from
    from contact_pressure
    group by customer_id
)
select
    cast(row_number() over (
        order by p.last_30 desc, p.last_90 desc, p.last_7 desc, p.contacts desc, p.customer_id
    ) as integer) as place,
    p.customer_id,
    case when c.resting_on is not null then 'now' when p.beyond > 0 then 'earlier' else 'never' end as hit,
    p.last_7,
    p.last_30,
    p.last_90,
    p.most_30,
    p.contacts,
    p.too_soon,
    p.over_cap,
    p.beyond,
    p.beyond_cost,
    c.resting_on,
    c.free_from,
    p.last_at
from contact_pressure p
join caps c on c.customer_id = p.customer_id
where p.channel = '(any)'

-- profile: what each customer with a purchase does, as far as known at the day $cut.
-- purchases: days with a purchase. since, age, t_x: days since the last and the first of them, and between the two.
-- spend: mean revenue of these days, later returns of other days not taken off. returned: share of it that came back.
-- contacts, answers, service: of the last twelve months.
with bought as (
    select customer_id, day, sum(revenue) as revenue, sum(margin) as margin, max(purchases) as purchases
    from purchase_day
    where day <= $cut and known_day <= $cut
    group by customer_id, day
),
customer as (
    select
        customer_id,
        cast(count(*) filter (purchases = 1) as integer) as purchases,
        min(day) filter (purchases = 1) as first_day,
        max(day) filter (purchases = 1) as last_day,
        cast(sum(revenue) as double) as revenue,
        cast(sum(margin) as double) as margin,
        cast(sum(revenue) filter (purchases = 1) as double) as earned,
        coalesce(cast(-sum(revenue) filter (purchases = 0) as double), 0) as returned
    from bought
    group by customer_id
    having max(purchases) = 1
),
reached as (
    select
        customer_id,
        sum(contacts) as contacts,
        sum(responses) as answers,
        sum(service_contacts) as service
    from contact_day
    where day <= $cut and known_day <= $cut and day > $cut::date - interval 12 month
    group by customer_id
)
select
    c.customer_id,
    c.purchases,
    cast(date_diff('day', c.last_day, $cut::date) as integer) as since,
    cast(date_diff('day', c.first_day, $cut::date) as integer) as age,
    cast(date_diff('day', c.first_day, c.last_day) as integer) as t_x,
    c.last_day,
    c.revenue,
    c.earned / c.purchases as spend,
    case when c.revenue > 0 then c.margin / c.revenue end as margin_rate,
    case when c.earned > 0 then c.returned / c.earned end as returned,
    cast(coalesce(r.contacts, 0) as integer) as contacts,
    cast(coalesce(r.answers, 0) as integer) as answers,
    cast(coalesce(r.service, 0) as integer) as service
from customer c
left join reached r on r.customer_id = c.customer_id
order by c.customer_id

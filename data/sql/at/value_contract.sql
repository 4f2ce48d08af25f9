-- value_contract: each customer's contract as far as it is known at the day $cut, in months since it began.
-- months: whole months to the day, or to the end. ended: whether it ended by then. An end that lies after the day is
-- not known yet. A contract begins on the day of joining, or of the first purchase.
with day as (
    select customer_id, min(day) as first_day, sum(revenue) as revenue, sum(margin) as margin
    from purchase_day
    where day <= $cut and known_day <= $cut
    group by customer_id
),
reached as (
    select
        customer_id,
        sum(service_cost) as service_cost,
        sum(case when day > $cut::date - interval 12 month then cost else 0 end) as cost_12m
    from contact_day
    where day <= $cut and known_day <= $cut
    group by customer_id
),
contract as (
    select
        coalesce(f.customer_id, d.customer_id) as customer_id,
        coalesce(cast(f.joined_at as date), d.first_day) as began,
        cast(f.ended_at as date) as ends,
        d.revenue,
        d.margin
    from feed_customers f
    full join day d on d.customer_id = f.customer_id
)
select
    c.customer_id,
    began,
    coalesce(ends <= $cut, false) as ended,
    cast(greatest(datesub('month', began, case when ends <= $cut then ends else $cut end), 0) as integer) as months,
    cast(date_diff('day', began, $cut::date) as integer) as days,
    cast(coalesce(revenue, 0) as double) as revenue,
    cast(coalesce(margin, 0) - coalesce(r.service_cost, 0) as double) as margin,
    cast(coalesce(r.cost_12m, 0) as double) as cost_12m
from contract c
left join reached r on r.customer_id = c.customer_id
where began <= $cut
order by c.customer_id

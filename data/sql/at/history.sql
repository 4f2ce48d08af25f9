-- history: each customer's purchases as far as they were known at the day $cut.
-- grain: customer_id
-- x: purchase days after the first one. t_x, t: days from the first to the last of them, and to $cut.
-- repeat_spend: mean revenue of the repeat days; recorded returns of such a day are in it.
with bought as (
    select customer_id, day, sum(revenue) as revenue
    from purchase_day
    where day <= $cut and known_day <= $cut
    group by customer_id, day
    having max(purchases) = 1
)
select
    customer_id,
    cast(count(*) - 1 as integer) as x,
    cast(date_diff('day', min(day), max(day)) as integer) as t_x_days,
    cast(date_diff('day', min(day), $cut::date) as integer) as t_days,
    cast((sum(revenue) - arg_min(revenue, day)) as double) / nullif(count(*) - 1, 0) as repeat_spend,
    min(day) as first_day,
    max(day) as last_day
from bought
group by customer_id
order by customer_id

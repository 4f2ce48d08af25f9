-- gaps: days from one purchase to the next of each customer with at least three such gaps known at the day $cut.
-- usual_gap, short_gap, long_gap: their median, 10th and 90th percentile, rounded as in models/rhythm.py.
with bought as (
    select distinct customer_id, day
    from purchase_day
    where purchases = 1 and day <= $cut and known_day <= $cut
),
gap as (
    select customer_id, date_diff('day', lag(day) over (partition by customer_id order by day), day) as days
    from bought
)
select
    customer_id,
    round(quantile_cont(days, 0.5), 6) as usual_gap,
    round(quantile_cont(days, 0.1), 6) as short_gap,
    round(quantile_cont(days, 0.9), 6) as long_gap
from gap
where days is not null
group by customer_id
having count(*) >= 3
order by customer_id

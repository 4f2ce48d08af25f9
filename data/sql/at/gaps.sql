-- gaps: days from one purchase to the next of each customer with at least three such gaps known at the day $cut.
-- usual_gap, short_gap, long_gap: their median, 10th and 90th percentile.
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
    quantile_cont(days, 0.5) as usual_gap,
    quantile_cont(days, 0.1) as short_gap,
    quantile_cont(days, 0.9) as long_gap
from gap
where days is not null
group by customer_id
having count(*) >= 3
order by customer_id

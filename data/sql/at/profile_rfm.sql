-- profile_rfm: recency, frequency and money of each customer with a purchase, as far as known at the day $cut.
with bought as (
    select customer_id, day, sum(revenue) as revenue, max(purchases) as purchases
    from purchase_day
    where day <= $cut and known_day <= $cut
    group by customer_id, day
)
select
    customer_id,
    cast(count(*) filter (purchases = 1) as integer) as purchases,
    cast(date_diff('day', max(day) filter (purchases = 1), $cut::date) as integer) as since,
    cast(sum(revenue) as double) as revenue
from bought
group by customer_id
having max(purchases) = 1
order by customer_id

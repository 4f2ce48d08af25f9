-- value_later: what the customers of history did after the day $cut, until $until, in the order of history.
with before as (
    select customer_id
    from purchase_day
    where day <= $cut and known_day <= $cut
    group by customer_id
    having max(purchases) = 1
),
after_cut as (
    select customer_id, day, sum(revenue) as revenue, max(purchases) as purchases
    from purchase_day
    where day > $cut and day <= $until and known_day <= $known
    group by customer_id, day
),
later as (
    select customer_id, sum(purchases) as purchases, sum(case when purchases = 1 then revenue end) as spend
    from after_cut
    group by customer_id
)
select cast(coalesce(l.purchases, 0) as integer) as purchases, cast(coalesce(l.spend, 0) as double) as spend
from before b
left join later l on l.customer_id = b.customer_id
order by b.customer_id

-- value_week: purchase days of the customers of history in each week after the day $cut, until $until.
with before as (
    select customer_id
    from purchase_day
    where day <= $cut and known_day <= $cut
    group by customer_id
    having max(purchases) = 1
)
select cast(ceil(date_diff('day', $cut::date, p.day) / 7.0) as integer) as week, cast(count(*) as integer) as purchases
from (
    select distinct customer_id, day
    from purchase_day
    where purchases = 1 and day > $cut and day <= $until and known_day <= $known
) p
join before b on b.customer_id = p.customer_id
group by week
order by week

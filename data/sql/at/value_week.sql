-- value_week: purchase days of the customers of value_history in each week after the day $cut, until $until.
with bought as (
    select distinct customer_id, day
    from purchase_day
    where ($parts = 1 or hash(customer_id) % $parts::ubigint = 0) and purchases = 1
        and day <= $until and known_day <= case when day <= $cut then $cut else $known end
),
before as (
    select distinct customer_id from bought where day <= $cut
)
select cast(ceil(date_diff('day', $cut::date, b.day) / 7.0) as integer) as week, cast(count(*) as integer) as purchases
from bought b
join before on before.customer_id = b.customer_id
where b.day > $cut
group by week
order by week

-- churn_after: the customers who bought after the day $cut, until $until, as far as that was known at $known.
select distinct customer_id
from purchase_day
where purchases = 1 and day > $cut and day <= $until and known_day <= $known
order by customer_id

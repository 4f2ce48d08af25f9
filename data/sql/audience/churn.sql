-- churn: customers who will probably not buy again, those first with whom most margin goes, at most so many.
-- values: $least of the probability, $most customers
select customer_id
from customer
where {chosen} and p_no_purchase >= cast($least as double)
order by margin_at_risk desc nulls last, customer_id
limit cast($most as bigint)

-- customers: those of a plan, in the order of their keys.
select customer_id, coalesce({must_keep}, false) as must_keep
from customer k
where {chosen}
order by customer_id

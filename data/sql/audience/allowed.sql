-- allowed: consent of the customers whom a scope holds.
-- values: those of the scope, and those of consent
select customer_id, refusal
from (
{consent}
)
where customer_id in (select customer_id from customer where {chosen})

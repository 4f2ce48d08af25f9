-- demarket: customers whose contacts of the last complete year cost more than they are expected to bring in the next one.
-- values: $year_from, $year_to: first and last month of that year
select customer_id
from customer
where {chosen} and expected_margin_12m < coalesce((
    select sum(m.contact_cost)
    from customer_month m
    where m.customer_id = customer.customer_id and m.month between $year_from and $year_to
), 0)

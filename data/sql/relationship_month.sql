-- relationship_month: customer_month, and one row a month for what belongs to no customer.
-- grain: customer_id, month
-- keep: view
select * from customer_month
union all
select * from guest_month

select customer_id, row_number() over (order by customer_id) - 1 as place from customer where {chosen}

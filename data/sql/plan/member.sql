select customer_id, cast(row_number() over (order by customer_id) - 1 as integer) as place from customer where {chosen}

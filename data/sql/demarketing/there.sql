-- there: which of these customers the build has. values: $keys
select customer_id from customer where list_contains($keys::varchar[], customer_id) order by customer_id

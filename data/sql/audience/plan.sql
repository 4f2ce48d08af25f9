-- plan: customers whom a saved channel plan gives the campaign's channel, also those who got it by chance or by a lock.
-- values: $keys: those customers
select customer_id from customer where {chosen} and customer_id in (select unnest($keys::varchar[]))

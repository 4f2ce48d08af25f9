-- view: every customer whom the filters choose, as far as the reader's scope reaches.
select customer_id from customer where {chosen}

-- demarket: customers who are expected to cost more than they bring in the next twelve months.
select customer_id from customer where {chosen} and expected_margin_12m < 0

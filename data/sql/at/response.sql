-- response: contacts and answers of each customer and channel in the 24 months up to the day $cut, as known on it.
select
    customer_id,
    channel,
    cast(sum(contacts) as integer) as sent,
    cast(sum(responses) as integer) as answered,
    sum(cost)::decimal(18, 4) as cost
from contact_day
where day <= $cut and known_day <= $cut and day > $cut::date - interval 24 month
group by customer_id, channel
having sum(contacts) > 0
order by customer_id, channel

-- response_after: contacts and answers of each customer and channel after the day $cut and up to $until, as known then.
select
    customer_id,
    channel,
    cast(sum(contacts) as integer) as sent,
    cast(sum(responses) as integer) as answered
from contact_day
where day > $cut and day <= $until and known_day <= $until
group by customer_id, channel
having sum(contacts) > 0
order by customer_id, channel

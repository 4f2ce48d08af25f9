-- response_after: contacts of each customer and channel after the day $cut and up to $until, and their answers, as far as
-- both were known at the day $known: later than $until, so that answers had time to come.
select
    customer_id,
    channel,
    cast(sum(contacts) as integer) as sent,
    cast(sum(responses) as integer) as answered
from contact_day
where day > $cut and day <= $until and known_day <= $known
group by customer_id, channel
having sum(contacts) > 0
order by customer_id, channel

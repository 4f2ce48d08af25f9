-- responder: customers who are known to answer a channel often or seldom, the surest first.
-- grain: channel, answers, place
-- check: answers in ('high', 'low')
-- check: rate between rate_low and rate_high
-- Those of whom not enough is known are left out: they are neither.
select
    channel,
    response_state as answers,
    cast(row_number() over (
        partition by channel, response_state
        order by case when response_state = 'high' then -rate_low else rate_high end, customer_id
    ) as integer) as place,
    customer_id,
    sent,
    answered,
    rate,
    rate_low,
    rate_high,
    unresponsive_cost
from learned_response
where response_state in ('high', 'low')

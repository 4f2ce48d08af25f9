-- consent_state: what each customer allows at present: the latest statement for each channel and purpose.
-- grain: customer_id, channel, purpose
select
    customer_id,
    channel,
    coalesce(purpose, '(unknown)') as purpose,
    max_by(allowed, coalesce(recorded_at, timestamp '1980-01-01')) as allowed,
    max(recorded_at) as recorded_at
from feed_consents
group by customer_id, channel, coalesce(purpose, '(unknown)')

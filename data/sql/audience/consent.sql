-- consent: for each customer and channel, '' where a contact is allowed for the purpose, else why it is not.
-- values: $channels, $purpose
-- A statement counts for its own purpose, and for every purpose where it names none; the latest one counts, and of two
-- at one moment the refusal. Where a channel needs no consent, an objection keeps somebody out all the same.
with stated as (
    select
        customer_id,
        channel,
        coalesce(lower(trim(purpose)), '(unknown)') in ('(unknown)', lower(trim($purpose))) as is_meant,
        allowed,
        coalesce(recorded_at, timestamp '1980-01-01') as recorded_at
    from consent_state
    where list_contains($channels::varchar[], channel)
),
own as (
    select
        customer_id,
        channel,
        arg_max(allowed, (recorded_at, not allowed)) filter (is_meant) as allowed,
        coalesce(bool_or(allowed) filter (not is_meant), false) as allowed_elsewhere
    from stated
    group by customer_id, channel
),
needed as (
    select
        w.channel,
        coalesce(bool_or(f.needs_consent), true) as needs_consent
    from (select unnest($channels::varchar[]) as channel) w
    left join feed_channels f on f.channel = w.channel
    group by w.channel
)
select
    c.customer_id,
    n.channel,
    case
        when coalesce(o.allowed, not n.needs_consent) then ''
        when o.allowed is null and o.allowed_elsewhere then 'other purpose'
        else 'no consent'
    end as refusal
from customer c
cross join needed n
left join own o on o.customer_id = c.customer_id and o.channel = n.channel

-- contact_pressure: how often each customer was contacted in the last 12 months, by channel and on all of them, and what the caps say.
-- grain: customer_id, channel
-- split: customer_id
-- check: last_7 <= last_30 and last_30 <= last_90 and last_90 <= contacts
-- check: most_30 between last_30 and contacts
-- check: beyond between greatest(too_soon, over_cap) and too_soon + over_cap
-- check: beyond <= contacts and beyond_cost >= 0
-- The row '(any)' is of all channels together. Days are those of the company's clocks, counted back from the data's end,
-- the day of the latest order or contact; 12 months are 365 days. Only what the company sent counts: service that the
-- customer asked for does not, nor what somebody held out on purpose did not get.
-- too_soon: came fewer than min_days_between days after the one before on its channel. over_cap: with it, there were more
-- than most_contacts on all channels in contact_days days. beyond: one of the two, or both; beyond_cost: what those
-- contacts cost by themselves. rests_until: the first day on which the cap allows another contact.
-- At one moment, contacts are in the order of their channels and costs, and one order says both what is too soon and what
-- is over the cap: of two that are the same in all this, the second is both.
with cap as (
    select
        cast({most_contacts} as integer) as most_contacts,
        cast({contact_days} as integer) as contact_days,
        greatest(
            cast({contact_days} as integer),
            (select coalesce(cast(ceil(max(min_days_between)) as integer), 0) from feed_channels)
        ) as longest
),
ended as (
    select cast(timezone({zone}, timezone('UTC', greatest(
        (select max(ordered_at) from feed_lines), (select max(occurred_at) from feed_contacts)
    ))) as date) as day
),
sent as (
    select
        c.customer_id,
        c.channel,
        c.occurred_at,
        c.contact_cost,
        cast(timezone({zone}, timezone('UTC', c.occurred_at)) as date) as day
    from contact c
    where c.contacts = 1 and {part}
),
placed as (
    select
        s.*,
        e.day - s.day as days_ago,
        cast(ceil(f.min_days_between) as integer) as rest,
        row_number() over of_customer as nth,
        count(*) over of_customer_days as nth_before,
        count(*) over (partition by s.customer_id) as all_of_them,
        count(*) filter (e.day - s.day < 365) over channel_days as channel_30,
        count(*) filter (e.day - s.day < 365) over customer_days as customer_30
    from sent s
    cross join ended e
    cross join cap
    left join feed_channels f on f.channel = s.channel
    where e.day - s.day < 365 + cap.longest
    window
        of_customer as (partition by s.customer_id order by s.occurred_at, s.channel, s.contact_cost),
        of_customer_days as (
            partition by s.customer_id order by s.day
            range between unbounded preceding and interval ({contact_days}) day preceding
        ),
        channel_days as (
            partition by s.customer_id, s.channel order by s.day range between interval 29 day preceding and current row
        ),
        customer_days as (
            partition by s.customer_id order by s.day range between interval 29 day preceding and current row
        )
),
judged as (
    select
        p.*,
        days_ago < 365 as of_year,
        coalesce(day - lag(day) over (partition by customer_id, channel order by nth) < rest, false) as is_too_soon,
        coalesce(nth - nth_before > most_contacts, false) as is_over_cap,
        all_of_them - nth + 1 = most_contacts as is_last_allowed
    from placed p
    cross join cap
),
summed as (
    select
        customer_id,
        channel,
        count(*) filter (days_ago < 7) as last_7,
        count(*) filter (days_ago < 30) as last_30,
        count(*) filter (days_ago < 90) as last_90,
        count(*) filter (days_ago < {contact_days}) as recent,
        count(*) filter (of_year) as contacts,
        max(case when of_year then channel_30 else 0 end) as channel_30,
        max(case when of_year then customer_30 else 0 end) as customer_30,
        count(*) filter (of_year and is_too_soon) as too_soon,
        count(*) filter (of_year and is_over_cap) as over_cap,
        count(*) filter (of_year and (is_too_soon or is_over_cap)) as beyond,
        coalesce(sum(contact_cost) filter (of_year and (is_too_soon or is_over_cap)), 0) as beyond_cost,
        max(occurred_at) as last_at,
        max(day + rest) as own_rest,
        max(day) filter (of_year and is_last_allowed) + {contact_days} as cap_rest
    from judged
    group by grouping sets ((customer_id, channel), (customer_id))
)
select
    customer_id,
    coalesce(channel, '(any)') as channel,
    cast(last_7 as integer) as last_7,
    cast(last_30 as integer) as last_30,
    cast(last_90 as integer) as last_90,
    cast(recent as integer) as recent,
    cast(contacts as integer) as contacts,
    cast(case when channel is null then customer_30 else channel_30 end as integer) as most_30,
    cast(too_soon as integer) as too_soon,
    cast(over_cap as integer) as over_cap,
    cast(beyond as integer) as beyond,
    beyond_cost::decimal(18, 4) as beyond_cost,
    last_at,
    case when channel is null then cap_rest else own_rest end as rests_until,
    coalesce(case when channel is null then cap_rest else own_rest end > e.day, false) as resting
from summed
cross join ended e
where contacts > 0 or own_rest > e.day

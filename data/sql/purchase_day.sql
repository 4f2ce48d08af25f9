-- purchase_day: what each customer bought or returned on each day, by the day on which it was known.
-- grain: customer_id, day, known_day
-- keep: temp
-- check: known_day >= day
-- A purchase is a customer and a day with a sale (Fader, Hardie & Lee 2005). What was recorded later was not known before.
with line as (
    select
        customer_id,
        cast(timezone({zone}, timezone('UTC', ordered_at)) as date) as day,
        cast(timezone({zone}, timezone('UTC', greatest(ordered_at, coalesce(recorded_at, ordered_at)))) as date) as known_day,
        line_type,
        revenue,
        revenue - coalesce(cost, 0) as margin
    from feed_lines
    where customer_id is not null
)
select
    customer_id,
    day,
    known_day,
    sum(revenue)::decimal(18, 4) as revenue,
    sum(margin)::decimal(18, 4) as margin,
    max(case when line_type = 'sale' then 1 else 0 end) as purchases
from line
group by customer_id, day, known_day

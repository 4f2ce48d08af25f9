-- cut_off: the last day that is learned from, how many days without a purchase count as lost, and whether customers say that they leave.
-- grain: cut
-- check: horizon_days in (30, 60, 90, 180)
-- The horizon: nine of ten gaps between one purchase and the customer's next are shorter, rounded up; 90 without gaps.
with bought as (
    select distinct customer_id, day from purchase_day where purchases = 1
),
gap as (
    select date_diff('day', lag(day) over (partition by customer_id order by day), day) as days from bought
),
usual as (
    select quantile_disc(days, 0.9) as days from gap where days is not null
)
select
    (select max(cast(timezone({zone}, timezone('UTC', ordered_at)) as date)) from feed_lines) as cut,
    case when days is null then 90 when days <= 30 then 30 when days <= 60 then 60 when days <= 90 then 90 else 180 end
        as horizon_days,
    days as usual_longest_gap,
    (select count(*) from feed_customers where ended_at is not null) > 0 as contractual
from usual

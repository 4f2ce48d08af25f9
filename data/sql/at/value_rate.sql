-- value_rate: of each segment and of all together (segment NULL), customers, revenue of purchase days and margin (after
-- returns and service) as far as they were known at the day $cut.
with day as (
    select customer_id, day, sum(revenue) as revenue, sum(margin) as margin, max(purchases) as purchases
    from purchase_day
    where day <= $cut and known_day <= $cut
    group by customer_id, day
),
event as (
    select customer_id, case when purchases = 1 then revenue else 0 end as bought, margin from day
    union all
    select customer_id, 0, -service_cost from contact_day where day <= $cut and known_day <= $cut and service_cost <> 0
)
select
    case when grouping(f.segment) = 0 then coalesce(f.segment, '(unknown)') end as segment,
    cast(count(distinct e.customer_id) as integer) as customers,
    cast(sum(bought) as double) as bought,
    cast(sum(margin) as double) as margin
from event e
left join feed_customers f on f.customer_id = e.customer_id
group by rollup (f.segment)
order by segment

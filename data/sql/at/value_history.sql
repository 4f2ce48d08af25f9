-- value_history: each customer's purchases and money as far as they were known at the day $cut, and what came after it
-- until $until, as far as it is known at the day $known. Every $parts-th customer, by a hash of the key.
-- x, t_x_days, t_days, repeat_spend: as in history. first_spend: revenue of the first purchase day. revenue: all of it,
-- returns included. bought: revenue of purchase days. margin: less service. cost_12m: contacts of the last 12 months.
-- Conditions stand in the sums instead of behind FILTER, and $parts is cast: both make this several times faster.
with day as (
    select customer_id, day, sum(revenue) as revenue, sum(margin) as margin, max(purchases) as purchases
    from purchase_day
    where ($parts = 1 or hash(customer_id) % $parts::ubigint = 0)
        and day <= $until and known_day <= case when day <= $cut then $cut else $known end
    group by customer_id, day
),
brought as (
    select
        customer_id,
        sum(case when day <= $cut then purchases else 0 end) as days,
        min(case when purchases = 1 then day end) as first_day,
        max(case when purchases = 1 and day <= $cut then day end) as last_day,
        arg_min(revenue, case when purchases = 1 then day end) as first_spend,
        sum(case when purchases = 1 and day <= $cut then revenue end) as bought,
        sum(case when day <= $cut then revenue end) as revenue,
        sum(case when day <= $cut then margin end) as margin,
        sum(case when day > $cut then purchases else 0 end) as later,
        sum(case when day > $cut and purchases = 1 then revenue end) as later_spend
    from day
    group by customer_id
),
reached as (
    select
        customer_id,
        sum(service_cost) as service_cost,
        sum(case when day > $cut::date - interval 12 month then cost else 0 end) as cost_12m
    from contact_day
    where ($parts = 1 or hash(customer_id) % $parts::ubigint = 0) and day <= $cut and known_day <= $cut
    group by customer_id
)
select
    b.customer_id,
    coalesce(f.segment, '(unknown)') as segment,
    cast(days - 1 as integer) as x,
    cast(date_diff('day', first_day, last_day) as integer) as t_x_days,
    cast(date_diff('day', first_day, $cut::date) as integer) as t_days,
    cast((bought - first_spend) as double) / nullif(days - 1, 0) as repeat_spend,
    cast(first_spend as double) as first_spend,
    cast(bought as double) as bought,
    cast(revenue as double) as revenue,
    cast(margin - coalesce(r.service_cost, 0) as double) as margin,
    cast(coalesce(r.cost_12m, 0) as double) as cost_12m,
    cast(later as integer) as later,
    cast(coalesce(later_spend, 0) as double) as later_spend
from brought b
left join reached r on r.customer_id = b.customer_id
left join feed_customers f on f.customer_id = b.customer_id
where b.first_day <= $cut
order by b.customer_id

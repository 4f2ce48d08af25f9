-- value_money: what each customer brought and cost as far as it was known at the day $cut, in the order of history.
-- revenue: everything, returns included. bought: revenue of the purchase days alone, which is what spend is learned from.
-- first_spend: revenue of the first purchase day. margin: less service. cost_12m: contacts of the last 12 months.
with day as (
    select customer_id, day, sum(revenue) as revenue, sum(margin) as margin, max(purchases) as purchases
    from purchase_day
    where day <= $cut and known_day <= $cut
    group by customer_id, day
),
brought as (
    select
        customer_id,
        sum(revenue) as revenue,
        sum(margin) as margin,
        sum(case when purchases = 1 then revenue end) as bought,
        arg_min(revenue, day) filter (purchases = 1) as first_spend
    from day
    group by customer_id
    having max(purchases) = 1
),
reached as (
    select
        customer_id,
        sum(service_cost) as service_cost,
        sum(case when day > $cut::date - interval 12 month then cost else 0 end) as cost_12m
    from contact_day
    where day <= $cut and known_day <= $cut
    group by customer_id
)
select
    coalesce(f.segment, '(unknown)') as segment,
    cast(b.revenue as double) as revenue,
    cast(b.bought as double) as bought,
    cast(b.first_spend as double) as first_spend,
    cast(b.margin - coalesce(r.service_cost, 0) as double) as margin,
    cast(coalesce(r.cost_12m, 0) as double) as cost_12m
from brought b
left join reached r on r.customer_id = b.customer_id
left join feed_customers f on f.customer_id = b.customer_id
order by b.customer_id

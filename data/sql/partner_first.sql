-- partner_first: through which partner each customer's first purchase on record went: who brought the customer.
-- grain: customer_id
-- keep: temp
-- A first purchase through several partners belongs to the one with most of its revenue, among equals to the first key.
with sold as (
    select customer_id, partner_id, ordered_at, revenue
    from feed_lines
    where line_type = 'sale' and customer_id is not null
),
first as (
    select customer_id, min(ordered_at) as ordered_at from sold group by customer_id
),
opening as (
    select s.customer_id, s.partner_id, sum(s.revenue) as revenue
    from sold s
    join first f on f.customer_id = s.customer_id and f.ordered_at = s.ordered_at
    group by s.customer_id, s.partner_id
),
ranked as (
    select *, row_number() over (partition by customer_id order by revenue desc, partner_id) as nth from opening
)
select customer_id, partner_id from ranked where nth = 1

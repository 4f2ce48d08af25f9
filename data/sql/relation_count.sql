-- relation_count: from how many partners customers bought in the last twelve complete months, and for how much.
-- grain: partners
-- check: customers > 0
-- A customer counts once, whatever the number of partners; 0 are those who bought, but through no known partner. Revenue
-- and margin are those with partners.
with bought as (
    select distinct l.customer_id
    from feed_lines l
    cross join complete_year y
    where l.month between y.since and y.until and l.customer_id is not null and l.line_type = 'sale'
),
relations as (
    select customer_id, count(*) as partners, sum(revenue) as revenue, sum(gross_margin) as gross_margin
    from partner_customer
    group by customer_id
)
select
    coalesce(r.partners, 0) as partners,
    count(*) as customers,
    sum(coalesce(r.revenue, 0))::decimal(18, 4) as revenue,
    sum(coalesce(r.gross_margin, 0))::decimal(18, 4) as gross_margin
from bought b
left join relations r on r.customer_id = b.customer_id
group by coalesce(r.partners, 0)

-- partner_customer: who bought through which partner in the last twelve complete months, for how much.
-- grain: partner_id, customer_id
-- keep: temp
-- Bought is a sale; what came back lowers the revenue. What no partner brought is no relationship with a partner.
select
    l.partner_id,
    l.customer_id,
    sum(l.revenue)::decimal(18, 4) as revenue,
    sum(l.revenue - coalesce(l.cost, 0))::decimal(18, 4) as gross_margin
from feed_lines l
cross join complete_year y
where l.month between y.since and y.until and l.customer_id is not null and l.partner_id <> '(unknown)'
group by l.partner_id, l.customer_id
having max(case when l.line_type = 'sale' then 1 else 0 end) = 1

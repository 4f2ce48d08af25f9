-- partner_brought: the customers each partner brought, and what is expected of them.
-- grain: partner_id
-- keep: temp
select
    p.partner_id,
    count(*) as customers_brought,
    sum(c.potential_value)::decimal(18, 4) as brought_potential,
    sum(c.margin_at_risk)::decimal(18, 4) as brought_at_risk
from partner_first p
join customer c on c.customer_id = p.customer_id
group by p.partner_id

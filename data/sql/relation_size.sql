-- relation_size: how many customers of each partner buy from so many partners in all, over the last twelve complete months.
-- grain: partners, partner_id
-- keep: temp
with relations as (
    select customer_id, count(*) as partners from partner_customer group by customer_id
)
select r.partners, p.partner_id, count(*) as customers
from partner_customer p
join relations r on r.customer_id = p.customer_id
group by r.partners, p.partner_id

-- partner_before: customers who bought through each partner in the twelve months before the last twelve complete ones.
-- grain: partner_id
-- keep: temp
select l.partner_id, count(distinct l.customer_id) as customers
from feed_lines l
cross join complete_year y
where l.month between y.before_since and y.before_until and l.line_type = 'sale'
group by l.partner_id

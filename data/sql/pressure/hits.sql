-- hits: how many customers hit a cap: now, earlier in the 12 months, or never.
-- {least}: the fewest customers that are told of.
select t.hit, count(*) as customers
from pressed t
join customer c on c.customer_id = t.customer_id
where {chosen}
group by t.hit
having count(*) >= {least}
order by t.hit

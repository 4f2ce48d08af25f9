-- agreeing: the drawn customers who may still be reached, in the order of their keys.
select l.customer_id, l.channel, l.arm
from listed l
semi join allowed a on a.customer_id = l.customer_id
order by l.customer_id

-- withdrawn: how many of a list may not be reached any more.
select count(*) as customers
from listed l
anti join allowed a on a.customer_id = l.customer_id

-- tested: customers of randomised, finished campaigns inside a scope.
select t.*
from learned_tested t
where t.customer_id in (select customer_id from customer where {chosen})
order by t.campaign_id, t.customer_id

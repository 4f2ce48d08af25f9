-- overlap: how many candidates each running campaign has drawn, whatever else keeps them out.
select s.campaign_id, count(*) as customers
from spoken_for s
semi join judged j on j.customer_id = s.customer_id
group by s.campaign_id
order by s.campaign_id

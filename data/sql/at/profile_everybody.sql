-- profile_everybody: every customer, with the segment the feeds name and the day by $cut on which they ended, if they did.
select
    t.customer_id,
    t.segment,
    case when cast(f.ended_at as date) <= $cut then cast(f.ended_at as date) end as ended
from customer_total t
left join feed_customers f on f.customer_id = t.customer_id
order by t.customer_id

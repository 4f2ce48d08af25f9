-- joining: when each known customer's relationship began and what winning them cost.
-- grain: customer_id
-- Where the feed does not say when, the cost is booked in the first month of the data.
select
    f.customer_id,
    coalesce(f.joined_at, first.at) as joined_at,
    coalesce(f.month, first.month) as month,
    coalesce(f.acquisition_cost, 0) as acquisition_cost
from feed_customers f
cross join (select min(ordered_at) as at, min(month) as month from feed_lines) first

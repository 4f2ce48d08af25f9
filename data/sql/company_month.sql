-- company_month: the whole company by calendar month.
-- grain: month
select
    month,
    sum(revenue)::decimal(18, 4) as revenue,
    sum(goods_cost)::decimal(18, 4) as goods_cost,
    sum(margin)::decimal(18, 4) as margin,
    sum(returns)::decimal(18, 4) as returns,
    cast(sum(lines) as bigint) as lines,
    cast(sum(orders) as bigint) as orders,
    cast(sum(customers) as bigint) as customers,
    cast(sum(contacts) as bigint) as contacts,
    cast(sum(service_contacts) as bigint) as service_contacts,
    cast(sum(responses) as bigint) as responses,
    sum(contact_cost)::decimal(18, 4) as contact_cost,
    sum(fixed_cost)::decimal(18, 4) as fixed_cost,
    sum(cost)::decimal(18, 4) as cost,
    sum(service_cost)::decimal(18, 4) as service_cost,
    sum(acquisition_cost)::decimal(18, 4) as acquisition_cost
from segment_month
group by month

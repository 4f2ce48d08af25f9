-- segment_month: the company by month and by everything customers can be filtered by.
-- grain: month, segment, region, country, manager_id, acquisition_channel
-- enum: region, segment, country, manager_id, acquisition_channel
select
    r.month,
    coalesce(c.segment, '(unknown)') as segment,
    coalesce(c.region, '(unknown)') as region,
    coalesce(c.country, '(unknown)') as country,
    coalesce(c.manager_id, '(unknown)') as manager_id,
    coalesce(c.acquisition_channel, '(unknown)') as acquisition_channel,
    sum(r.revenue)::decimal(18, 4) as revenue,
    sum(r.goods_cost)::decimal(18, 4) as goods_cost,
    sum(r.margin)::decimal(18, 4) as margin,
    sum(r.returns)::decimal(18, 4) as returns,
    cast(sum(r.lines) as bigint) as lines,
    cast(sum(r.orders) as bigint) as orders,
    cast(sum(r.contacts) as bigint) as contacts,
    cast(sum(r.service_contacts) as bigint) as service_contacts,
    cast(sum(r.responses) as bigint) as responses,
    sum(r.contact_cost)::decimal(18, 4) as contact_cost,
    sum(r.fixed_cost)::decimal(18, 4) as fixed_cost,
    sum(r.cost)::decimal(18, 4) as cost,
    sum(r.service_cost)::decimal(18, 4) as service_cost,
    sum(r.acquisition_cost)::decimal(18, 4) as acquisition_cost,
    count(r.buyer_id) as customers
from relationship_month r
left join customer_total c on c.customer_id = r.customer_id
group by r.month, coalesce(c.segment, '(unknown)'), coalesce(c.region, '(unknown)'), coalesce(c.country, '(unknown)'),
    coalesce(c.manager_id, '(unknown)'), coalesce(c.acquisition_channel, '(unknown)')

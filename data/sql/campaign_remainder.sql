-- campaign_remainder: the last units of each campaign's fixed cost, and campaigns that reached nobody.
-- grain: campaign_id, customer_id
-- check: fixed_cost >= 0
-- A fixed cost without a single contact belongs to no customer but stays in the company's totals.
with boundary_contact as (
    select
        c.campaign_id,
        c.customer_id,
        c.month,
        a.left_over,
        row_number() over (partition by c.campaign_id order by c.customer_id, c.occurred_at, c.contact_id) as nth
    from feed_contacts c
    join campaign_share a on a.campaign_id = c.campaign_id and right(c.customer_id, 3) = a.boundary
    where c.arm = 'treated' and c.direction = 'out' and a.left_over > 0
)
select campaign_id, customer_id, min(month) as month, cast(count(*) * 0.0001 as decimal(18, 4)) as fixed_cost
from boundary_contact
where nth <= left_over
group by campaign_id, customer_id
union all
select f.campaign_id, cast(null as varchar), cast(date_trunc('month', coalesce(f.starts_at, first.at)) as date), f.fixed_cost
from feed_campaigns f
cross join (select min(ordered_at) as at from feed_lines) first
where f.fixed_cost > 0 and f.campaign_id not in (select campaign_id from campaign_share)

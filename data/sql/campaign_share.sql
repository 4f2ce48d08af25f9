-- campaign_share: how a campaign's fixed cost is shared over its contacts, exact to a hundredth of a cent.
-- grain: campaign_id
-- check: share >= 0 and remainder >= 0 and remainder < contacts
-- Every contact bears the same whole number of units (0.0001); the units left over go, one each, to contacts in the
-- order of the last three characters of the customer's key: whole buckets below the boundary here, and the customers
-- of the boundary bucket one by one in campaign_remainder.
with bucket as (
    select campaign_id, right(customer_id, 3) as bucket, count(*) as contacts
    from feed_contacts
    where arm = 'treated' and direction = 'out' and campaign_id in (select campaign_id from feed_campaigns where fixed_cost > 0)
    group by campaign_id, right(customer_id, 3)
),
reached as (
    select
        campaign_id,
        bucket,
        contacts,
        sum(contacts) over (partition by campaign_id order by bucket) as upto,
        sum(contacts) over (partition by campaign_id) as total
    from bucket
),
unit as (
    select reached.*, cast(f.fixed_cost * 10000 as bigint) as units, cast(f.fixed_cost * 10000 as bigint) % cast(total as bigint) as remainder
    from reached join feed_campaigns f on f.campaign_id = reached.campaign_id
)
select
    campaign_id,
    cast(max(total) as bigint) as contacts,
    cast(max(units - remainder) / max(total) * 0.0001 as decimal(18, 4)) as share,
    cast(max(remainder) as bigint) as remainder,
    min(case when upto > remainder then bucket end) as boundary,
    cast(max(remainder) - coalesce(max(case when upto <= remainder then upto end), 0) as bigint) as left_over
from unit
group by campaign_id

-- campaign_reach: one row a campaign: whom it reached, who was held out, who answered, what it cost.
-- grain: campaign_id
-- keep: temp
-- check: responses <= treated
with reached as (
    select
        campaign_id,
        max(channel) as channel,
        cast(sum(contacts) as bigint) as treated,
        cast(sum(case when arm = 'control' then 1 else 0 end) as bigint) as control,
        cast(sum(responses) as bigint) as responses,
        sum(contact_cost)::decimal(18, 4) as contact_cost
    from contact
    where campaign_id is not null
    group by campaign_id
)
select
    coalesce(f.campaign_id, r.campaign_id) as campaign_id,
    coalesce(f.name, f.campaign_id, r.campaign_id) as name,
    coalesce(f.channel, r.channel) as channel,
    f.starts_at,
    f.ends_at,
    coalesce(r.treated, 0) as treated,
    coalesce(r.control, 0) as control,
    coalesce(r.responses, 0) as responses,
    1.0 * r.responses / nullif(r.treated, 0) as response_rate,
    coalesce(r.contact_cost, 0)::decimal(18, 4) as contact_cost,
    coalesce(f.fixed_cost, 0)::decimal(18, 4) as fixed_cost,
    (coalesce(r.contact_cost, 0) + coalesce(f.fixed_cost, 0))::decimal(18, 4) as cost
from feed_campaigns f
full outer join reached r on r.campaign_id = f.campaign_id

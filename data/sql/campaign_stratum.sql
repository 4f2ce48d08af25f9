-- campaign_stratum: customers of a campaign that were drawn with the same share, who are compared among each other.
-- grain: campaign_id, arm, p_assign
-- keep: temp
-- share: of those treated among treated and held out, as drawn. Where the campaign says it, where each arm has one
-- probability, or where the probabilities leave somebody without a counterpart, all customers are one stratum.
with part as (
    select
        campaign_id,
        arm,
        p_assign,
        round(case when arm = 'treated' then p_assign else 1 - p_assign end, 6) as p_treated,
        count(*) as customers
    from campaign_customer
    group by campaign_id, arm, p_assign
),
by_share as (
    select
        campaign_id,
        p_treated,
        sum(case when arm = 'treated' then customers else 0 end) as treated,
        sum(case when arm = 'control' then customers else 0 end) as control
    from part
    group by campaign_id, p_treated
),
strata as (
    select campaign_id, count(*) = count(p_treated) and count(*) <= 20 and min(treated) >= 2 and min(control) >= 2 as usable
    from by_share
    group by campaign_id
),
plain as (
    select
        campaign_id,
        count(*) = 2 and count(p_assign) = 2 and count(distinct arm) = 2 as plain,
        max(case when arm = 'treated' then p_assign end) / nullif(sum(p_assign), 0) as share,
        1 - sum(case when arm = 'control' then customers * p_assign end)
            / sum(case when arm = 'control' and p_assign is not null then customers end) as share_of_control
    from part
    group by campaign_id
)
select
    p.campaign_id,
    p.arm,
    p.p_assign,
    case when s.usable and not n.plain and w.treated_share is null then p.p_treated else -1 end as stratum,
    coalesce(
        w.treated_share,
        case when n.plain then n.share when s.usable then p.p_treated else n.share_of_control end
    ) as share
from part p
join strata s on s.campaign_id = p.campaign_id
join plain n on n.campaign_id = p.campaign_id
join campaign_window w on w.campaign_id = p.campaign_id

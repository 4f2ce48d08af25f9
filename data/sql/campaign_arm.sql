-- campaign_arm: each arm of a campaign in sums, stratum by stratum: all that a difference of means and its error need.
-- grain: campaign_id, stratum, arm
-- keep: temp
-- Squares are of decimals, so that no order of the rows changes a sum.
with amount as (
    select
        o.* replace (
            o.revenue::decimal(18, 4) as revenue, o.margin::decimal(18, 4) as margin,
            o.revenue_prior::decimal(18, 4) as revenue_prior, o.margin_prior::decimal(18, 4) as margin_prior
        ),
        s.stratum,
        s.share
    from campaign_outcome o
    join campaign_stratum s on s.campaign_id = o.campaign_id and s.arm = o.arm and s.p_assign is not distinct from o.p_assign
)
select
    campaign_id,
    stratum,
    arm,
    any_value(share) as share,
    count(*) as n,
    sum(contacted) as contacted,
    sum(touched) as touched,
    sum(responses) as responses,
    sum(case when orders > 0 then 1 else 0 end) as buyers,
    cast(sum(orders) as double) as orders,
    cast(sum(orders * orders) as double) as orders_squares,
    cast(sum(revenue) as double) as revenue,
    cast(sum(revenue * revenue) as double) as revenue_squares,
    sum(case when revenue <> 0 then 1 else 0 end) as revenue_events,
    cast(sum(margin) as double) as margin,
    cast(sum(margin * margin) as double) as margin_squares,
    sum(case when margin <> 0 then 1 else 0 end) as margin_events,
    cast(sum(revenue_prior) as double) as revenue_prior,
    cast(sum(revenue_prior * revenue_prior) as double) as revenue_prior_squares,
    cast(sum(margin_prior) as double) as margin_prior,
    cast(sum(margin_prior * margin_prior) as double) as margin_prior_squares,
    cast(sum(orders_prior) as double) as orders_prior,
    cast(sum(orders_prior * orders_prior) as double) as orders_prior_squares
from amount
group by campaign_id, stratum, arm

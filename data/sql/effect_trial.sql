-- effect_trial: customers treated and held out at random in campaigns that ended, with what they brought in the window.
-- grain: campaign_id, customer_id
-- keep: temp
-- check: p_treated > 0 and p_treated < 1
-- campaign, number, fold: of the campaign and of the customer, as whole numbers; see effect_customer.
-- margin: of one contact; where a campaign contacted its customers several times, divided by how often on average.
-- Campaigns whose arms are not as large as they were drawn, or of which other campaigns reached one arm more, are left
-- out, as are those over several channels, over one without a price, and those of which the margin is not known.
with channel as (
    select campaign_id, max(channel) as channel
    from feed_contacts
    where campaign_id is not null and direction = 'out'
    group by campaign_id
    having count(distinct channel) = 1
),
sound as (
    select
        w.campaign_id,
        h.channel,
        row_number() over (order by w.measured_from, w.campaign_id) - 1 as campaign,
        w.costed,
        case when w.costed then 1 else w.margin_rate end as rate
    from campaign_window w
    join channel h on h.campaign_id = w.campaign_id
    join feed_channels f on f.channel = h.channel
    join learned_campaign l on l.campaign_id = w.campaign_id
    where w.compared and w.days_left = 0 and (w.costed or w.margin_rate > 0)
        and coalesce(l.ratio_p, 1) >= 1e-3 and coalesce(l.touched_p, 1) >= 1e-3
),
often as (
    select campaign_id, count(*) * 1e0 / count(distinct customer_id) as contacts
    from feed_contacts
    where campaign_id is not null and direction = 'out' and arm = 'treated'
    group by campaign_id
)
select
    o.campaign_id,
    o.customer_id,
    s.campaign,
    c.number,
    c.fold,
    s.channel,
    o.arm = 'treated' as treated,
    g.share as p_treated,
    cast(case when s.costed then o.margin else o.revenue end as double) * s.rate / n.contacts as margin,
    o.orders_before,
    o.revenue_before,
    o.days_since,
    o.orders_prior,
    cast(o.revenue_prior as double) as revenue_prior
from campaign_outcome o
join sound s on s.campaign_id = o.campaign_id
join effect_customer c on c.customer_id = o.customer_id
join often n on n.campaign_id = o.campaign_id
join campaign_stratum g on g.campaign_id = o.campaign_id and g.arm = o.arm and g.p_assign is not distinct from o.p_assign
where g.share > 0 and g.share < 1

-- campaign_attributed: what attribution would claim for a campaign: what customers spent within 30 days of its contact.
-- grain: campaign_id
-- keep: temp
-- The last contact before a purchase has it all; only what lies within the campaign's window counts, as for the effect.
with sent as (
    select customer_id, occurred_at, max(campaign_id) as campaign_id
    from feed_contacts
    where arm = 'treated' and direction = 'out'
    group by customer_id, occurred_at
),
bought as (
    select
        customer_id,
        ordered_at,
        sum(revenue)::decimal(18, 4) as revenue,
        sum(revenue - coalesce(cost, 0))::decimal(18, 4) as margin
    from feed_lines
    where customer_id is not null
    group by customer_id, ordered_at
)
select
    s.campaign_id,
    sum(b.revenue)::decimal(18, 4) as attributed_revenue,
    sum(b.margin)::decimal(18, 4) as attributed_margin
from bought b
asof join sent s on s.customer_id = b.customer_id and s.occurred_at <= b.ordered_at
join campaign_window w on w.campaign_id = s.campaign_id
where b.ordered_at < s.occurred_at + interval 30 day and b.ordered_at >= w.measured_from and b.ordered_at < w.measured_to
group by s.campaign_id

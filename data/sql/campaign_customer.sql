-- campaign_customer: who was drawn into which arm of a campaign, contacted or not, and who answered within its window.
-- grain: campaign_id, customer_id
-- keep: temp
-- split: customer_id
-- check: arm in ('treated', 'control')
-- Whoever was held out and contacted all the same counts as held out: the draw decides, not what came of it.
-- p_assign: the probability of the arm that was drawn.
with sent as (
    select campaign_id, customer_id, arm, p_assign, contacts, answered, coalesce(responded_at, occurred_at) as answered_at
    from contact
    where campaign_id is not null and direction = 'out' and {part}
)
select
    s.campaign_id,
    s.customer_id,
    case when bool_or(s.arm = 'control') then 'control' else 'treated' end as arm,
    case
        when bool_or(s.arm = 'control') then max(case when s.arm = 'control' then s.p_assign end) else max(s.p_assign)
    end as p_assign,
    cast(max(s.contacts) as integer) as contacted,
    min(case when s.answered = 1 and s.answered_at < w.measured_to then s.answered_at end) as answered_at
from sent s
join campaign_window w on w.campaign_id = s.campaign_id
where w.compared
group by s.campaign_id, s.customer_id

-- campaign: one row a campaign: whom it reached, what it cost, what attribution claims, what it changed, and the verdict.
-- grain: campaign_id
-- check: responses <= treated
-- check: verdict in ('proven gain', 'proven loss', 'not proven', 'not measurable', 'not yet')
-- check: (effect is null) or (control_customers > 0)
-- treated, control: contacts made and held back; treated_customers, control_customers: customers by arm as drawn.
-- Effects are per customer drawn to be treated, contacted or not. interval says what their intervals are: while the
-- campaign runs they hold at any look, at the end they are those fixed beforehand. docs/campaign-measurement.md
select
    r.*,
    w.measured_from,
    w.measured_to,
    w.window_fixed,
    cast(w.window_days as integer) as window_days,
    cast(w.days_left as integer) as days_left,
    w.outcome,
    w.owner,
    w.basis,
    w.expected_effect,
    w.expected_low,
    w.expected_high,
    l.* exclude (campaign_id)
from campaign_reach r
join campaign_window w on w.campaign_id = r.campaign_id
join learned_campaign l on l.campaign_id = r.campaign_id

-- What was promised of Rapport's own campaigns, fixed before anybody was reached.
select
    campaign_id,
    name,
    channel,
    launched as starts_at,
    ends as ends_at,
    fixed_cost,
    launched as measured_from,
    ends as measured_to,
    outcome,
    treated_share,
    expected as expected_effect,
    expected_low,
    expected_high,
    owner,
    basis
from promise
order by campaign_id

-- What a build says of campaigns whose window it covers: there are orders from after its end, so no day of it is cut off,
-- and who was in which arm came from the journal.
select
    campaign_id,
    verdict,
    reason,
    effect,
    effect_low,
    effect_high,
    incremental_roi,
    incremental_roi_low,
    incremental_roi_high,
    case when treated_customers >= ? then attributed_roi end as attributed_roi,  -- readers of groups see these, too
    inflation
from campaign
where campaign_id in (select unnest(?::varchar[])) and verdict <> ?
    and measured_to <= (select max(ordered_at) from feed_lines)
    and campaign_id in (select campaign_id from feed_contacts where starts_with(contact_id, 'rapport/'))
order by campaign_id

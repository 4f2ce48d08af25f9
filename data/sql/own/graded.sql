-- What a build says of campaigns whose window it covers.
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
    attributed_roi,
    inflation
from campaign
where campaign_id in (select unnest(?::varchar[])) and verdict <> ?
order by campaign_id

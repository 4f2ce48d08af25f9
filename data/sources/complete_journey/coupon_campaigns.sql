-- coupon_campaigns: the 27 coupon campaigns; type A picks coupons for each household, types B and C send all the same.
-- feeds: campaigns
select
    campaign_id::varchar as campaign_id,
    'Campaign ' || campaign_id || ' (' || campaign_type || ')' as name,
    'direct_mail' as channel,
    start_date as starts_at,
    end_date as ends_at
from 'campaign_descriptions.parquet'

-- coupon_mailings: coupons sent to a household in a campaign, answered when one of them was redeemed.
-- feeds: contacts
-- How households were chosen is not documented and nobody was held out at random: assignment stays 'unknown',
-- and what the mailings caused cannot be measured from this data.
-- The day of mailing is not recorded either; the first day of the campaign stands in for it.
with redeemed as (
    select campaign_id, household_id, min(redemption_date) as responded_at
    from 'coupon_redemptions.parquet'
    group by campaign_id, household_id
)
select
    mailings.campaign_id || '-' || mailings.household_id as contact_id,
    mailings.household_id::varchar as customer_id,
    'direct_mail' as channel,
    campaigns.start_date as occurred_at,
    'out' as direction,
    mailings.campaign_id::varchar as campaign_id,
    (select value::decimal(18, 4) from 'assumptions.csv' where name = 'mailing_cost') as cost,
    'assumed' as cost_basis,
    'treated' as arm,
    'unknown' as assignment,
    redeemed.responded_at is not null as responded,
    redeemed.responded_at,
    case when redeemed.responded_at is not null then 'coupon redeemed' end as response_kind
from 'mailings.parquet' as mailings
join 'campaign_descriptions.parquet' as campaigns using (campaign_id)
left join redeemed using (campaign_id, household_id)

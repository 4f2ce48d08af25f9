-- households: every household that bought, with its bands where the shop knows them (801 of 2,469).
-- feeds: customers
-- The bands are coarse groups, never a person's name or address. Marital status is left out: no decision here needs it.
with bought as (
    select distinct household_id from 'transactions.parquet'
)
select
    bought.household_id::varchar as customer_id,
    demographics.age as age_band,
    demographics.income as income_band,
    demographics.household_size as household_size,
    demographics.household_comp as household_kind,
    demographics.home_ownership as home_ownership
from bought
left join 'demographics.parquet' as demographics using (household_id)

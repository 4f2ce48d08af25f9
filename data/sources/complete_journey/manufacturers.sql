-- manufacturers: the business partners; the data numbers them and does not name them.
-- feeds: partners
select distinct
    manufacturer_id::varchar as partner_id,
    'Manufacturer ' || manufacturer_id as partner_name,
    'manufacturer' as partner_type
from 'products.parquet'
where manufacturer_id is not null

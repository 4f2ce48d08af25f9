-- online_retail_customers: the country most lines of a customer went to; of equal counts, the first in the alphabet.
-- feeds: customers
with counted as (
    select
        nullif(regexp_replace(CustomerID::varchar, '\.0$', ''), '') as customer_id,
        Country as country,
        count(*) as lines
    from 'online_retail.parquet'
    group by all
)
select customer_id, country
from counted
where customer_id is not null
qualify row_number() over (partition by customer_id order by lines desc, country) = 1

-- baskets: grocery purchases, one row for each product of a basket.
-- feeds: lines
-- sales_value is what the shop received, with every discount and coupon accounted for: nothing is taken off again.
-- The times are UTC (the file's own `week` column turns over at midnight in New York only when they are read so);
-- saying it here keeps the hour that New York skips and the one it repeats.
-- There are no costs in this data: what is left after goods, fulfilment and fees is assumed, in assumptions.csv.
with sold as (
    select *, sales_value::decimal(18, 4) as revenue
    from 'transactions.parquet'
)
select
    sold.basket_id::varchar as order_id,
    sold.product_id::varchar as line_id,
    sold.transaction_timestamp at time zone 'UTC' as ordered_at,
    sold.household_id::varchar as customer_id,
    products.manufacturer_id::varchar as partner_id,
    sold.product_id::varchar as product_id,
    coalesce(products.product_category, products.department) as category,
    'sale' as line_type,
    sold.quantity::decimal(18, 4) as quantity,
    sold.revenue,
    round(
        sold.revenue * (1 - (select value::decimal(5, 4) from 'assumptions.csv' where name = 'margin_rate')), 4
    )::decimal(18, 4) as cost,
    'store' as sales_channel
from sold
left join 'products.parquet' as products using (product_id)

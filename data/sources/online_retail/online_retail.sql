-- online_retail: invoice lines of a UK gift wholesaler (UCI Online Retail; Chen, Sain & Guo 2012).
-- feeds: lines
-- The file may be Parquet, CSV or Excel, so every value is cast; what cannot be read becomes NULL and is quarantined.
-- Only dates written 2010-12-01 are read: 12/1/2010 could be the 12th of January, and a wrong guess leaves no trace.
-- Price and quantity become decimals before they are multiplied: the product is exact.
-- Description is left out: it is free text.
with invoices as (
    select
        InvoiceNo::varchar as order_id,
        try_cast(InvoiceDate as timestamp) as ordered_at,
        nullif(regexp_replace(CustomerID::varchar, '\.0$', ''), '') as customer_id,
        StockCode::varchar as product_id,
        try_cast(Quantity as decimal(18, 4)) as quantity,
        try_cast(UnitPrice as decimal(18, 4)) as unit_price
    from 'online_retail.parquet'
)
select
    order_id,
    ordered_at,
    customer_id,
    product_id,
    -- C: cancelled or returned. A: bad debt. A negative quantity on any other invoice is stock written off, at price 0.
    case
        when order_id like 'C%' then 'return'
        when order_id like 'A%' or quantity < 0 then 'adjustment'
        else 'sale'
    end as line_type,
    quantity,
    (quantity * unit_price)::decimal(18, 4) as revenue
from invoices

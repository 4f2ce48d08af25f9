-- peer_band: the middle half of the partners of one type, and of all types, where they are more than ten; rounded to two digits.
-- grain: partner_type, measure
-- check: members > 10
-- More than ten, so that ten are left beside the one who reads. Rounded, so that no figure is that of a single partner.
with member as (
    select * from partner_year where revenue > 0 and partner_id <> '(unknown)'
),
grouped as (
    select partner_type as kind, * from member
    union all
    select '(all)', * from member
),
figure as (
    select kind, 'revenue' as measure, cast(revenue as double) as value from grouped
    union all
    select kind, 'growth', cast(revenue / revenue_before - 1 as double) from grouped where revenue_before > 0
    union all
    select kind, 'margin_rate', cast(gross_margin / revenue as double) from grouped
    union all
    select kind, 'return_rate', cast(returns / (revenue + returns) as double) from grouped
    union all
    select kind, 'customers', cast(customers as double) from grouped
    union all
    select kind, 'own_share', cast(own_customers / customers as double) from grouped where customers > 0
),
band as (
    select
        kind,
        measure,
        count(*) as members,
        quantile_cont(value, 0.25) as low,
        quantile_cont(value, 0.5) as middle,
        quantile_cont(value, 0.75) as high
    from figure
    group by kind, measure
    having count(*) > 10
)
select
    kind as partner_type,
    measure,
    cast(members as bigint) as members,
    round(low, cast(1 - floor(log10(greatest(abs(low), 1e-9))) as integer)) as low,
    round(middle, cast(1 - floor(log10(greatest(abs(middle), 1e-9))) as integer)) as middle,
    round(high, cast(1 - floor(log10(greatest(abs(high), 1e-9))) as integer)) as high
from band

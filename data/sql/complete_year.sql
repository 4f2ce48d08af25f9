-- complete_year: the last twelve complete months of the data, and the twelve before where the data reaches back that far.
-- grain: since
-- keep: temp
-- check: since <= until
-- A month is complete when the latest event lies on its last day or later. Where none is, the last month stands for it.
with happened as (
    select max(ordered_at) as latest from feed_lines
    union all
    select max(occurred_at) from feed_contacts
),
today as (
    select cast(timezone({zone}, timezone('UTC', max(latest))) as date) as day from happened
),
reached as (
    select
        min(month) as first,
        coalesce(max(case when month + interval 1 month <= day + interval 1 day then month end), max(month)) as last
    from feed_lines
    cross join today
)
select
    cast(greatest(first, last - interval 11 months) as date) as since,
    last as until,
    case when last - interval 23 months >= first then cast(last - interval 23 months as date) end as before_since,
    case when last - interval 23 months >= first then cast(last - interval 12 months as date) end as before_until
from reached

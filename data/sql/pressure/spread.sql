-- spread: how many customers had how many contacts in a window, of those who had any. most_contacts: NULL for 'or more'.
-- {least}: the fewest customers of a group. Where one has fewer, or where there are more than forty, groups double.
with counted as (
    select
        t.{window} as sent,
        cast(ceil(log2(t.{window})) as integer) as doubling,
        count(*) as n
    from contact_pressure t
    join customer c on c.customer_id = t.customer_id
    where {chosen} and t.channel = ? and t.{window} > 0
    group by sent, doubling
),
upto as (
    select
        *,
        sum(n) over (order by sent) as below,
        sum(n) over (order by sent desc) as above
    from counted
),
edge as (
    select
        min(sent) filter (below >= {least}) as first,
        max(sent) filter (above >= {least}) as last,
        min(doubling) filter (below >= {least}) as first_doubling,
        max(doubling) filter (above >= {least}) as last_doubling,
        max(sent) as most,
        sum(n) as customers
    from upto
),
single as (
    select least(greatest(sent, first), last) as cell, sum(n) as customers
    from counted
    cross join edge
    where first <= last
    group by cell
),
doubled as (
    select least(greatest(doubling, first_doubling), last_doubling) as cell, sum(n) as customers
    from counted
    cross join edge
    where first_doubling <= last_doubling
    group by cell
),
way as (
    select
        case
            when (select count(*) between 1 and 40 and min(customers) >= {least} from single) then 'single'
            when (select count(*) > 0 and min(customers) >= {least} from doubled) then 'doubled'
            else 'one'
        end as chosen
),
grouped as (
    select
        case when cell = first then 1 else cell end as least_contacts,
        case when cell < last or most = last then cell end as most_contacts,
        s.customers
    from single s
    cross join edge
    cross join way
    where way.chosen = 'single'
    union all
    select
        case when cell = first_doubling then 1 else cast(pow(2, cell - 1) as integer) + 1 end,
        case when cell < last_doubling then cast(pow(2, cell) as integer) end,
        d.customers
    from doubled d
    cross join edge
    cross join way
    where way.chosen = 'doubled'
    union all
    select 1, null, edge.customers
    from edge
    cross join way
    where way.chosen = 'one' and edge.customers >= greatest({least}, 1)
)
select
    cast(least_contacts as integer) as least_contacts,
    cast(most_contacts as integer) as most_contacts,
    cast(customers as bigint) as customers
from grouped
order by least_contacts

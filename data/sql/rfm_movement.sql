-- rfm_movement: how many customers' recency, frequency and money rose or fell in the last 30 days.
-- grain: score, moved
-- check: customers >= 10
-- check: moved in ('rose', 'same', 'fell', 'new', 'changed')
-- Fifths, 5 the best; new is who had not bought 30 days before. Where fewer than ten rose, fell or are new, these are
-- one: changed.
with scored as (
    select rfm, case when regexp_full_match(rfm_before, '[1-5]{3}') then rfm_before end as before
    from customer
    where regexp_full_match(rfm, '[1-5]{3}')
),
one as (
    select
        p.score,
        substr(rfm, p.place, 1) as now,
        substr(before, p.place, 1) as before
    from scored
    cross join (values ('recency', 1), ('frequency', 2), ('money', 3)) p(score, place)
),
counted as (
    select
        score,
        case when before is null then 'new' when now > before then 'rose' when now < before then 'fell' else 'same' end
            as moved,
        count(*) as customers
    from one
    group by all
),
sized as (
    select score, min(customers) as fewest
    from counted
    group by score
)
select
    c.score,
    case when s.fewest < 10 and c.moved <> 'same' then 'changed' else c.moved end as moved,
    cast(sum(c.customers) as integer) as customers
from counted c
join sized s on s.score = c.score
group by c.score, case when s.fewest < 10 and c.moved <> 'same' then 'changed' else c.moved end
qualify min(sum(c.customers)) over (partition by c.score) >= 10

-- scored: how many customers there are, and of how many a margin is expected at all. values: those of the members
select
    count(*) as customers,
    count(expected_margin_12m) as scored
from customer k
where {chosen}

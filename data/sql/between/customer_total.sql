-- customer_total: what each customer bought from $since to $until; sums of decimals, so that equals stay equal.
select
    customer_id as member,
    cast(sum(revenue) as double) as revenue,
    cast(sum(revenue - coalesce(cost, 0)) as double) as gross_margin
from feed_lines
where month between $since and $until and customer_id is not null
group by member
order by member

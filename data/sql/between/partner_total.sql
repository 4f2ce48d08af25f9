-- partner_total: what each partner sold from $since to $until; sums of decimals, so that equals stay equal.
select
    partner_id as member,
    cast(sum(revenue) as double) as revenue,
    cast(sum(revenue - coalesce(cost, 0)) as double) as gross_margin
from feed_lines
where month between $since and $until and partner_id <> '(unknown)'
group by member
order by member

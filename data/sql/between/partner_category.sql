-- partner_category: what each partner sold of each category from the month $since to the month $until.
-- Fees and corrections alone make no category that one could sell, so it takes a sale or a return.
select
    l.partner_id,
    l.category,
    coalesce(any_value(f.partner_type), '(unknown)') as partner_type,
    cast(sum(l.revenue) as double) as revenue
from feed_lines l
left join feed_partners f on f.partner_id = l.partner_id
where l.month between $since and $until and l.partner_id <> '(unknown)' and l.category <> '(unknown)'
group by l.partner_id, l.category
having count(case when l.line_type in ('sale', 'return') then 1 end) > 0
order by l.partner_id, l.category

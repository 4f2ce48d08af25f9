-- partner_manager: who looks after each partner at the latest event of the data, where assignments say so.
-- grain: partner_id
-- keep: temp
select subject_id as partner_id, max_by(manager_id, coalesce(valid_from, timestamp '1980-01-01')) as manager_id
from feed_assignments
where
    subject = 'partner'
    and coalesce(valid_from, timestamp '1980-01-01') <= (select max(ordered_at) from feed_lines)
    and coalesce(valid_to, timestamp '2200-01-01') > (select max(ordered_at) from feed_lines)
group by subject_id

-- manager: who looks after each customer and each partner at the latest event of the data, where assignments say so.
-- grain: subject, subject_id
-- keep: temp
select subject, subject_id, max_by(manager_id, coalesce(valid_from, timestamp '1980-01-01')) as manager_id
from feed_assignments
where
    coalesce(valid_from, timestamp '1980-01-01') <= (select max(ordered_at) from feed_lines)
    and coalesce(valid_to, timestamp '2200-01-01') > (select max(ordered_at) from feed_lines)
group by subject, subject_id

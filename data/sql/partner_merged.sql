-- partner_merged: partners that go on under another key, and the last key of the chain, under which their lines count.
-- grain: partner_id
with recursive step as (
    select partner_id, partner_name, merged_into from feed_partners where merged_into is not null
),
followed as (
    select partner_id, partner_name, merged_into from step
    union all
    select f.partner_id, f.partner_name, s.merged_into
    from followed f
    join step s on s.partner_id = f.merged_into
)
select f.partner_id, coalesce(f.partner_name, f.partner_id) as partner_name, f.merged_into as goes_on_as
from followed f
anti join step s on s.partner_id = f.merged_into

-- partner_profile: who each partner is, in whose care, and which customers it brought.
-- grain: partner_id
-- Partners of the feed that never sold anything are here, too; those that merged into another one are not.
-- A customer was brought by the partner of the first purchase on record.
with everybody as (
    select distinct partner_id from partner_month
    union
    select partner_id from feed_partners anti join partner_merged m on m.partner_id = feed_partners.partner_id
),
sold as (
    select partner_id, min(month) as first_month, max(month) as last_month from partner_month group by partner_id
)
select
    e.partner_id,
    coalesce(f.partner_name, e.partner_id) as partner_name,
    coalesce(f.partner_type, '(unknown)') as partner_type,
    coalesce(f.tier, '(unknown)') as tier,
    coalesce(f.region, '(unknown)') as region,
    coalesce(m.manager_id, f.manager_id, '(unknown)') as manager_id,
    coalesce(f.contact_level, '(unknown)') as contact_level,
    f.joined_at,
    s.first_month,
    s.last_month,
    coalesce(b.customers_brought, 0) as customers_brought,
    b.brought_potential,
    b.brought_at_risk
from everybody e
left join feed_partners f on f.partner_id = e.partner_id
left join manager m on m.subject = 'partner' and m.subject_id = e.partner_id
left join sold s on s.partner_id = e.partner_id
left join partner_brought b on b.partner_id = e.partner_id

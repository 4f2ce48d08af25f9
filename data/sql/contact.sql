-- contact: contacts with what each one cost, the channel's unit cost where the feed does not say.
-- grain: one row a contact
-- keep: view
-- Somebody held out on purpose was not contacted: no cost, no contact, no response.
-- That a message was opened or shown is no answer: programs open messages, too. What somebody held out answers all the
-- same is no response of the campaign; it counts for the comparison only.
-- A campaign's fixed cost is shared over its contacts in whole hundredths of a cent; see campaign_share.
select
    c.customer_id,
    c.contact_id,
    c.occurred_at,
    c.month,
    c.channel,
    c.campaign_id,
    c.direction,
    c.arm,
    c.assignment,
    c.p_assign,
    c.responded,
    c.responded_at,
    c.recorded_at,
    c.response_kind,
    case when c.arm = 'treated' and c.direction = 'out' then 1 else 0 end as contacts,
    case when c.direction = 'in' then 1 else 0 end as service_contacts,
    case
        when c.responded and coalesce(lower(trim(c.response_kind)), '') not in
            ('open', 'opened', 'view', 'viewed', 'read', 'seen', 'shown', 'impression', 'delivered') then 1
        else 0
    end as answered,
    case when c.arm = 'treated' and c.direction = 'out' then answered else 0 end as responses,
    case when c.arm = 'treated' and c.direction = 'out' then coalesce(c.cost, s.unit_cost, 0) else 0 end
        ::decimal(18, 4) as contact_cost,
    case when c.direction = 'in' then coalesce(c.cost, s.unit_cost, 0) else 0 end::decimal(18, 4) as service_cost,
    case
        when c.arm = 'treated' and c.direction = 'out' and a.campaign_id is not null
            then a.share + case when right(c.customer_id, 3) < a.boundary then 0.0001 else 0 end
        else 0
    end::decimal(18, 4) as fixed_cost
from feed_contacts c
left join feed_channels s on s.channel = c.channel
left join campaign_share a on a.campaign_id = c.campaign_id

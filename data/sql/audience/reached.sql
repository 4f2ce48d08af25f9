-- reached: contacts that went out to customers, with what each cost. Somebody held out on purpose was not reached.
select
    c.customer_id,
    c.channel,
    c.occurred_at,
    coalesce(c.cost, f.unit_cost, 0) as cost
from feed_contacts c
left join feed_channels f on f.channel = c.channel
where c.direction = 'out' and c.arm <> 'control'

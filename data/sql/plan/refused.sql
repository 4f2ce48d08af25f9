-- refused: where a contact is not allowed, by the places of customer and channel. refusal: as data.plan.REFUSALS has it.
-- values: those of the members, $names, and those of consent
with member as (
    {member}
),
consent as (
    {consent}
)
select
    m.place,
    cast(list_position($names::varchar[], c.channel) - 1 as tinyint) as at_channel,
    cast(case c.refusal when 'no consent' then 1 else 2 end as tinyint) as refusal
from consent c
join member m on m.customer_id = c.customer_id
where c.refusal <> ''

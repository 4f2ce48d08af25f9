-- effect: what one contact is expected to bring before its cost, by the places of customer and channel.
-- values: those of the members, and $names: the channels in their order
with member as (
    {member}
)
select
    m.place,
    cast(list_position($names::varchar[], e.channel) - 1 as tinyint) as at_channel,
    e.effect,
    coalesce(e.effect_low, e.effect) as low,
    coalesce(e.effect_high, e.effect) as high,
    coalesce(e.effect_apart, e.effect) as effect_apart
from learned_effect e
join member m on m.customer_id = e.customer_id
where list_contains($names::varchar[], e.channel) and e.effect is not null and isfinite(e.effect)

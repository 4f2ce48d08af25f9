-- customer_score: what is expected of each customer, how sure that is, and what to do about it.
-- grain: customer_id
-- keep: temp
-- check: quadrant in ('protect', 'grow', 'maintain', 'de-market', '(unknown)')
-- check: p_no_purchase is null or p_no_purchase between 0 and 1
-- The best channel is the one whose next contact is expected to earn most: the effect of learned_effect less what a
-- contact costs. No consent, no channel. best_basis: 'tested' where customers were held out at random on that channel;
-- 'unproven' where nobody was, so that the effect is a rate of answers times the margin of a purchase.
with past as (
    select customer_id, sum(margin) as margin
    from (
        select customer_id, day, margin from purchase_day
        union all
        select customer_id, day, -service_cost from contact_day
    ) event
    where day > (select cut from cut_off) - interval 12 month
    group by customer_id
),
answer as (
    select
        customer_id,
        case
            when sum(high_responders) > 0 then 'high'
            when sum(low_responders) = count(*) then 'low'
            else 'not enough evidence'
        end as response_state
    from learned_response
    group by customer_id
),
consent as (
    select customer_id, channel, bool_or(allowed) as allowed, bool_or(not allowed) as refused
    from consent_state
    group by customer_id, channel
),
offer as (
    select
        e.customer_id,
        e.channel,
        e.basis,
        coalesce(c.unit_cost, 0) as unit_cost,
        e.effect - coalesce(c.unit_cost, 0) as earns
    from learned_effect e
    left join feed_channels c on c.channel = e.channel
    left join consent s on s.customer_id = e.customer_id and s.channel = e.channel
    where case when c.needs_consent then coalesce(s.allowed, false) else not coalesce(s.refused, false) end
),
best as (
    select
        customer_id,
        arg_max(channel, (earns, -unit_cost, channel)) as channel,
        arg_max(basis, (earns, -unit_cost, channel)) as basis,
        arg_max(unit_cost, (earns, -unit_cost, channel)) as unit_cost,
        max(earns) as earns
    from offer
    group by customer_id
),
joined as (
    select
        t.customer_id,
        case when v.customer_id is not null then 1 else 0 end as scored,
        round(c.p_no_purchase, 6)::decimal(9, 6) as p_no_purchase,
        c.p_low as p_no_purchase_low,
        c.p_high as p_no_purchase_high,
        c.churn_horizon_days,
        coalesce(c.risk_band, '(unknown)') as risk_band,
        coalesce(c.risk_before, '(unknown)') as risk_before,
        v.expected_purchases_12m,
        v.p_alive,
        v.expected_margin_12m::decimal(18, 4) as expected_margin_12m,
        v.expected_margin_low::decimal(18, 4) as expected_margin_low,
        v.expected_margin_high::decimal(18, 4) as expected_margin_high,
        v.potential_1y::decimal(18, 4) as potential_1y,
        v.potential_3y::decimal(18, 4) as potential_3y,
        v.potential_value::decimal(18, 4) as potential_value,
        v.potential_low::decimal(18, 4) as potential_low,
        v.potential_high::decimal(18, 4) as potential_high,
        coalesce(past.margin, 0)::decimal(18, 4) as margin_12m,
        coalesce(round(c.p_no_purchase, 6)::decimal(9, 6) * greatest(past.margin, 0), 0)::decimal(18, 4)
            as margin_at_risk,
        t.margin - t.cost as current_value,
        coalesce(p.lifecycle, '(unknown)') as lifecycle,
        coalesce(p.profile, '(unknown)') as profile,
        coalesce(p.rfm, '(unknown)') as rfm,
        coalesce(p.rfm_before, '(unknown)') as rfm_before,
        coalesce(p.recency_score::varchar, '(unknown)') as recency_score,
        coalesce(p.frequency_score::varchar, '(unknown)') as frequency_score,
        coalesce(p.money_score::varchar, '(unknown)') as money_score,
        p.differs_1,
        p.differs_2,
        p.differs_3,
        p.usual_gap_days,
        p.next_from::date as next_from,
        p.next_to::date as next_to,
        coalesce(a.response_state, '(unknown)') as response_state,
        case when b.customer_id is null then '(unknown)' when b.earns > 0 then b.channel else 'none pays' end
            as best_channel,
        b.earns::decimal(18, 4) as best_earns,
        coalesce(b.basis, '(unknown)') as best_basis,
        coalesce(b.unit_cost, 0) as contact_price
    from customer_total t
    left join learned_value v on v.customer_id = t.customer_id
    left join learned_churn c on c.customer_id = t.customer_id
    left join learned_profile p on p.customer_id = t.customer_id
    left join past on past.customer_id = t.customer_id
    left join answer a on a.customer_id = t.customer_id
    left join best b on b.customer_id = t.customer_id
),
middle as (
    select
        quantile_disc(current_value, 0.5) as current_value,
        quantile_disc(potential_value, 0.5) as potential_value
    from joined
    where scored = 1
)
select
    joined.* exclude (current_value, contact_price),
    coalesce(printf('%.2f', least(floor(p_no_purchase * 20), 19) / 20), '(unknown)') as risk_step,
    case when scored = 1
        then cast(ntile(5) over (partition by scored order by joined.potential_value desc nulls last, customer_id) as varchar)
        else '(unknown)' end as potential_fifth,
    greatest(margin_at_risk - contact_price, 0)::decimal(18, 4) as value_of_acting,
    case
        when joined.potential_value is null then '(unknown)'
        when joined.potential_value <= 0 then 'de-market'
        when joined.potential_value < middle.potential_value then 'maintain'
        when joined.current_value < middle.current_value then 'grow'
        else 'protect'
    end as quadrant
from joined
cross join middle

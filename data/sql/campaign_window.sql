-- campaign_window: when each campaign's outcomes count, by what it is judged, and whether it can be.
-- grain: campaign_id
-- keep: temp
-- check: days_left >= 0
-- compared: there are customers treated and customers held out, and all of them were drawn at random.
-- factor: what an outcome in revenue is multiplied by to be one in margin; 1 where it need not be.
with reached as (
    select
        campaign_id,
        min(occurred_at) as first_at,
        max(occurred_at) as last_at,
        bool_or(arm = 'treated') as treated,
        bool_or(arm = 'control') as held_out,
        bool_and(assignment = 'random') as drawn
    from feed_contacts
    where campaign_id is not null and direction = 'out'
    group by campaign_id
),
costed as (
    select count(cost) > 0 as costed from feed_lines
),
settled as (
    select
        coalesce(f.campaign_id, r.campaign_id) as campaign_id,
        coalesce(f.measured_from, r.first_at, f.starts_at) as measured_from,
        coalesce(f.measured_to, coalesce(r.last_at, f.ends_at, f.starts_at) + interval 30 day) as measured_to,
        f.measured_to is not null as window_fixed,
        coalesce(r.treated, false) as treated,
        coalesce(r.held_out, false) as held_out,
        coalesce(r.drawn, false) as drawn,
        costed,
        case when f.margin_rate > 0 and not costed then f.margin_rate end as margin_rate,
        case
            when f.outcome in ('revenue', 'orders', 'responses') then f.outcome
            when costed or (f.outcome = 'margin' and f.margin_rate > 0) then 'margin'
            else 'revenue'
        end as outcome,
        f.treated_share,
        f.owner,
        f.basis,
        f.expected_effect,
        f.expected_low,
        f.expected_high
    from feed_campaigns f
    full outer join reached r on r.campaign_id = f.campaign_id
    cross join costed
),
day as (
    select
        *,
        cast(timezone({zone}, timezone('UTC', measured_from)) as date) as first_day,
        cast(timezone({zone}, timezone('UTC', measured_to - interval 1 microsecond)) as date) as last_day
    from settled
)
select
    day.*,
    treated and held_out and drawn as compared,
    case when outcome = 'margin' and not costed then margin_rate else 1 end as factor,
    coalesce(greatest(date_diff('day', first_day, last_day) + 1, 0), 0) as window_days,
    coalesce(greatest(date_diff('day', cut_off.cut, last_day), 0), 0) as days_left
from day
cross join cut_off

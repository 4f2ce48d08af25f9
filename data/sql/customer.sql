-- customer: one row a customer: attributes, sums over the whole history, ROI with its interval, ranks.
-- grain: customer_id
-- check: roi_state in ('rated', 'no investment', 'too little invested')
-- check: (roi is null) = (roi_state <> 'rated')
-- check: net_contribution = margin - cost
-- cluster: roi_rank
-- enum: region, segment, country, manager_id, acquisition_channel, roi_state, risk_band, risk_before, risk_step, potential_fifth, quadrant, lifecycle, profile, response_state, best_channel, best_basis
-- Rows lie in the order of the ranking, so that its first page is found without reading the rest.
select
    t.*,
    t.margin - t.cost as net_contribution,
    r.roi,
    r.roi_state,
    r.roi_shrunk,
    r.roi_low,
    r.roi_high,
    r.p_top_decile,
    cast(r.roi_rank as integer) as roi_rank,
    cast(r.rank_low as integer) as rank_low,
    cast(r.rank_high as integer) as rank_high,
    cast(r.margin_rank as integer) as margin_rank,
    case when t.orders > 1 then date_diff('day', t.first_order_at, t.last_order_at) / (t.orders - 1.0) end as gap_days,
    s.* exclude (customer_id){attributes}
from customer_total t
join learned_roi r on r.customer_id = t.customer_id
join customer_score s on s.customer_id = t.customer_id
left join feed_customers f on f.customer_id = t.customer_id

-- customer: one row a customer: attributes, sums over the whole history, ROI with its interval, ranks.
-- grain: customer_id
-- check: roi_state in ('rated', 'no investment', 'too little invested')
-- check: (roi is null) = (roi_state <> 'rated')
-- check: net_contribution = margin - cost
-- cluster: region, segment, roi_rank
-- enum: region, segment, country, manager_id, acquisition_channel, roi_state
select
    t.*,
    t.margin - t.cost as net_contribution,
    r.roi,
    r.roi_state,
    r.roi_shrunk,
    r.roi_low,
    r.roi_high,
    r.p_top_decile,
    r.roi_rank,
    r.rank_low,
    r.rank_high,
    r.margin_rank,
    case when t.orders > 1 then date_diff('day', t.first_order_at, t.last_order_at) / (t.orders - 1.0) end as gap_days,
    {attributes}
from customer_total t
join learned_roi r on r.customer_id = t.customer_id
left join feed_customers f on f.customer_id = t.customer_id

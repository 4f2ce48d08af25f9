-- roi_band: how many customers can be rated by ROI, and what those who cannot bring.
-- grain: roi_state
select
    cast(roi_state as varchar) as roi_state,
    count(*) as customers,
    sum(margin)::decimal(18, 4) as margin,
    sum(cost)::decimal(18, 4) as cost
from customer
group by roi_state

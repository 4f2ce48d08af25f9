-- partner_overlap: with which other partners each one shares most customers, over the last twelve complete months.
-- grain: partner_id, other_id
-- check: shared <= customers
-- Others are the 100 partners with most revenue; of each partner the ten it shares most with, and all pairs of the first
-- twenty. lift is above 1 where two partners share more customers than if customers chose partners by chance.
with total as (
    select
        partner_id,
        count(*) as customers,
        row_number() over (order by sum(revenue) desc, partner_id) as place
    from partner_customer
    group by partner_id
),
everybody as (
    select count(distinct customer_id) as customers from partner_customer
),
shared as (
    select a.partner_id, b.partner_id as other_id, count(*) as shared, sum(a.revenue) as shared_revenue
    from partner_customer a
    join partner_customer b on b.customer_id = a.customer_id and b.partner_id <> a.partner_id
    join total other on other.partner_id = b.partner_id and other.place <= 100
    group by a.partner_id, b.partner_id
),
ranked as (
    select
        s.*,
        t.customers,
        t.place,
        o.place as other_place,
        s.shared * e.customers / (t.customers * o.customers) as lift,
        row_number() over (partition by s.partner_id order by s.shared desc, o.place) as nth
    from shared s
    join total t on t.partner_id = s.partner_id
    join total o on o.partner_id = s.other_id
    cross join everybody e
)
select
    partner_id, other_id, cast(customers as bigint) as customers, cast(shared as bigint) as shared,
    shared / customers as share, shared_revenue::decimal(18, 4) as shared_revenue, cast(lift as double) as lift,
    cast(place as bigint) as place, cast(other_place as bigint) as other_place
from ranked
where nth <= 10 or (place <= 20 and other_place <= 20)

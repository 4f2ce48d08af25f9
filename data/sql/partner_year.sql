-- partner_year: each partner over the last twelve complete months, beside the twelve before, with whom it shares customers.
-- grain: partner_id
-- check: own_customers <= customers
-- own_customers bought from no other partner in these months; what they brought is at risk if the partner leaves.
-- What is asked of the months before is not known where the data does not reach back that far.
with sums as (
    select
        m.partner_id,
        sum(case when m.month between y.since and y.until then m.revenue end) as revenue,
        sum(case when m.month between y.since and y.until then m.margin end) as gross_margin,
        sum(case when m.month between y.since and y.until then m.returns end) as returns,
        sum(case when m.month between y.since and y.until then m.orders end) as orders,
        sum(case when m.month between y.before_since and y.before_until then m.revenue end) as revenue_before,
        sum(case when m.month between y.before_since and y.before_until then m.margin end) as gross_margin_before,
        sum(case when m.month between y.before_since and y.before_until then m.returns end) as returns_before,
        max(y.before_since) as before_since
    from partner_month m
    cross join complete_year y
    where m.month between coalesce(y.before_since, y.since) and y.until
    group by m.partner_id
),
relations as (
    select customer_id, count(*) as partners from partner_customer group by customer_id
),
customers as (
    select
        p.partner_id,
        count(*) as customers,
        count(case when r.partners = 1 then 1 end) as own_customers,
        sum(case when r.partners = 1 then p.revenue else 0 end) as own_revenue,
        sum(case when r.partners = 1 then p.gross_margin else 0 end) as own_margin
    from partner_customer p
    join relations r on r.customer_id = p.customer_id
    group by p.partner_id
)
select
    s.partner_id,
    coalesce(f.partner_type, '(unknown)') as partner_type,
    coalesce(s.revenue, 0)::decimal(18, 4) as revenue,
    coalesce(s.gross_margin, 0)::decimal(18, 4) as gross_margin,
    coalesce(s.returns, 0)::decimal(18, 4) as returns,
    cast(coalesce(s.orders, 0) as bigint) as orders,
    cast(coalesce(c.customers, 0) as bigint) as customers,
    cast(coalesce(c.own_customers, 0) as bigint) as own_customers,
    coalesce(c.own_revenue, 0)::decimal(18, 4) as own_revenue,
    coalesce(c.own_margin, 0)::decimal(18, 4) as own_margin,
    case when s.before_since is not null then coalesce(s.revenue_before, 0)::decimal(18, 4) end as revenue_before,
    case when s.before_since is not null then coalesce(s.gross_margin_before, 0)::decimal(18, 4) end as gross_margin_before,
    case when s.before_since is not null then coalesce(s.returns_before, 0)::decimal(18, 4) end as returns_before,
    case when s.before_since is not null then coalesce(b.customers, 0) end as customers_before
from sums s
left join customers c on c.partner_id = s.partner_id
left join partner_before b on b.partner_id = s.partner_id
left join feed_partners f on f.partner_id = s.partner_id

-- churn: what was known of each customer at the day $cut, and nothing that came or was recorded later.
-- With $contractual those whose contract ran that day, else those who had bought. Dates of a contract are UTC days.
-- $keep: of each million customers, how many are looked at, chosen by their key. A quarter is 90 days.
with kept as (
    select
        customer_id,
        cast(joined_at as date) as joined_day,
        cast(ended_at as date) as ended_day
    from customer_total
    where md5_number_lower(customer_id) % 1000000 < $keep
),
day as (
    select
        d.customer_id,
        d.day,
        max(d.purchases) as purchases,
        sum(d.revenue) as revenue,
        sum(case when d.revenue > 0 then d.revenue else 0 end) as sold,
        sum(case when d.revenue < 0 then -d.revenue else 0 end) as returned
    from purchase_day d
    semi join kept on kept.customer_id = d.customer_id
    where d.day <= $cut and d.known_day <= $cut
    group by d.customer_id, d.day
),
bought as (
    select
        customer_id,
        min(case when purchases = 1 then day end) as first_day,
        max(case when purchases = 1 then day end) as last_day,
        sum(purchases) as days,
        sum(revenue) as revenue,
        sum(sold) as sold,
        sum(returned) as returned,
        sum(case when day > $cut::date - 90 then revenue else 0 end) as spend_90,
        sum(case when day > $cut::date - 180 and day <= $cut::date - 90 then revenue else 0 end) as spend_before,
        sum(case when day > $cut::date - 90 then purchases else 0 end) as days_90,
        sum(case when day > $cut::date - 180 and day <= $cut::date - 90 then purchases else 0 end) as days_before
    from day
    group by customer_id
),
reached as (
    select
        c.customer_id,
        sum(c.contacts) as contacts,
        sum(c.responses) as responses,
        sum(c.service_contacts) as service_contacts
    from contact_day c
    semi join kept on kept.customer_id = c.customer_id
    where c.day > $cut::date - 90 and c.day <= $cut and c.known_day <= $cut
    group by c.customer_id
),
joined as (
    select
        k.customer_id,
        coalesce(case when $contractual then k.joined_day end, b.first_day) as began,
        $contractual and coalesce(k.ended_day <= $cut, false) as ended,
        b.* exclude (customer_id),
        date_diff('day', b.last_day, $cut::date) as since,
        date_diff('day', b.first_day, b.last_day) / nullif(b.days - 1, 0) as gap
    from kept k
    left join bought b on b.customer_id = k.customer_id
)
select
    j.customer_id,
    cast(coalesce(days - 1, 0) as integer) as x,
    cast(coalesce(date_diff('day', first_day, last_day), 0) as integer) as t_x_days,
    cast(coalesce(date_diff('day', first_day, $cut::date), 0) as integer) as t_days,
    cast(since as double) as days_since,
    cast(date_diff('day', began, $cut::date) as double) as days_known,
    cast(coalesce(days, 0) as double) as purchases,
    gap as usual_gap,
    since / nullif(gap, 0) as rhythm,
    cast(revenue as double) / days as mean_spend,
    cast(coalesce(returned, 0) as double) / nullif(cast(sold as double), 0) as returned_share,
    cast(coalesce(days_90, 0) as double) as purchases_90,
    cast(coalesce(days_90, 0) - coalesce(days_before, 0) as double) as purchases_trend,
    cast(coalesce(spend_90, 0) as double) as spend_90,
    cast(coalesce(spend_90, 0) - coalesce(spend_before, 0) as double) as spend_trend,
    cast(coalesce(r.contacts, 0) as double) as contacts_90,
    cast(coalesce(r.responses, 0) as double) as responses_90,
    cast(coalesce(r.service_contacts, 0) as double) as service_90
from joined j
left join reached r on r.customer_id = j.customer_id
where began <= $cut and not ended and ($contractual or coalesce(days, 0) > 0)
order by j.customer_id

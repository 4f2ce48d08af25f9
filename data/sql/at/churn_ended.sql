-- churn_ended: the contracts that had begun by the day $cut: for how many days they ran, and whether they have ended.
-- An end after the day is not known yet. Days are UTC days.
select
    customer_id,
    began,
    cast(greatest(date_diff('day', began, least(coalesce(ended_day, $cut), $cut)), 0) as integer) as days,
    coalesce(ended_day <= $cut, false) as ended
from (
    select
        t.customer_id,
        coalesce(cast(t.joined_at as date), b.first_day) as began,
        cast(t.ended_at as date) as ended_day
    from customer_total t
    left join (
        select customer_id, min(day) as first_day
        from purchase_day
        where purchases = 1 and day <= $cut and known_day <= $cut
        group by customer_id
    ) b on b.customer_id = t.customer_id
) contract
where began <= $cut
order by customer_id

-- size: how many customers a plan is about, and what contacts cost them at the end of the data, in ten-thousandths.
-- values: those of the members; $recently, $end
with member as (
    {member}
),
reached as (
    {reached}
)
select
    (select count(*) from member) as customers,
    cast((
        select coalesce(sum(r.cost), 0)
        from reached r
        join member m on m.customer_id = r.customer_id
        where r.occurred_at > $recently and r.occurred_at <= $end
    ) * 10000 as bigint) as spent

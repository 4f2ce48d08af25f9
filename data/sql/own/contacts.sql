-- Who was in which arm of Rapport's own campaigns, as contacts. Whoever was held out is a row, too: without a cost.
-- Explored customers were reached like the others. Whom no sent batch holds (consent was withdrawn before, or the sending
-- was cancelled) stays in the arm that was drawn (what counts is who was meant to be reached), and cost nothing.
with assigned as (
    select parse_filename(parse_dirpath(filename)) as campaign_id, customer_id, arm, p_assign, cost
    from read_parquet(getvariable('assigned_files'), filename = true, union_by_name = true)
),
reached as (
    select distinct parse_filename(parse_dirpath(f.filename)) as campaign_id, f.customer_id
    from read_parquet(getvariable('delivered_files'), filename = true, union_by_name = true) f
    join delivered_file d on d.path = f.filename and f.row >= d.first_row and f.row < d.end_row
)
select
    'rapport/' || a.campaign_id || '/' || a.customer_id as contact_id,
    a.customer_id,
    p.channel,
    p.launched as occurred_at,
    'out' as direction,
    a.campaign_id,
    case when r.customer_id is null then 0 else a.cost end::decimal(18, 4) as cost,
    'assumed' as cost_basis,
    case when a.arm = 'control' then 'control' else 'treated' end as arm,
    'random' as assignment,
    case when a.arm = 'control' then 1 - p.treated_share else p.treated_share end as p_assign,
    w.customer_id is not null as responded,
    w.responded_at,
    w.kind as response_kind,
    p.launched as recorded_at
from assigned a
join promise p on p.campaign_id = a.campaign_id
left join reached r on r.campaign_id = a.campaign_id and r.customer_id = a.customer_id
left join answer w on w.campaign_id = a.campaign_id and w.customer_id = a.customer_id
order by a.campaign_id, a.customer_id

-- settled: the candidates with the reasons that no build knows put first: the global holdout, running campaigns, releases;
-- and with those whom a person keeps.
create table judged as
select
    c.customer_id,
    case
        when c.held_out then 'global holdout'
        when exists (select 1 from spoken_for s where s.customer_id = c.customer_id) then 'in a running test'
        when exists (select 1 from released r where r.customer_id = c.customer_id) then 'released'
        when c.reason in ('', 'cannot be rated') and exists (select 1 from kept k where k.customer_id = c.customer_id)
            then 'must keep'
        else c.reason
    end as reason,
    c.outcome
from candidate c

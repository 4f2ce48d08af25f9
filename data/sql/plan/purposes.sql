-- purposes: for what customers have agreed to be contacted, the most frequent first.
select lower(trim(purpose)) as purpose
from consent_state
where coalesce(trim(purpose), '(unknown)') <> '(unknown)' and allowed
group by lower(trim(purpose))
order by count(*) desc, lower(trim(purpose))

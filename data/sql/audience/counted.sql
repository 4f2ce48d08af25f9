-- counted: how many candidates each reason keeps out; '' for those who are kept.
select reason, count(*) as customers from judged group by reason

-- rule: the business rules.
-- keep: view
select * from feed_rules

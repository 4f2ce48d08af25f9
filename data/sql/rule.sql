-- rule: the business rules.
-- grain: rule
-- keep: view
select * from feed_rules

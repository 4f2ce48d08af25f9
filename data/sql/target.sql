-- target: what the company wants to reach.
-- keep: view
select * from feed_targets

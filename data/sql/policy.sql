-- policy: which figures of the whole company are shown to whom beside the own ones.
-- grain: role, metric
-- keep: view
select * from feed_policies

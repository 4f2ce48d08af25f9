-- channel: the channels of communication, as the company's own file or the shipped seed says.
-- keep: view
select * from feed_channels

-- channel: the channels of communication, as the company's own file or the shipped seed says.
-- grain: channel
-- keep: view
select * from feed_channels

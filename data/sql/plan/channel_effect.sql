-- channel_effect: what is known of each channel as a whole, in the order of the channels' names.
select * from learned_channel_effect order by channel

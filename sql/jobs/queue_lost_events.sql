-- $1 after this event, $2 up to this one, $3 events at most
select lost as "lost!", last_id from queue_lost_events($1, $2, $3)

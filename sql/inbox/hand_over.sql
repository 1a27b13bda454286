-- $1 ids, $2 lane
-- Claimed events go back to the queue as they were, into this lane.
insert into event_queue (lane, next_attempt_at, event_id)
select $2, e.next_attempt_at, e.id from webhook_events e where e.id = any ($1)
on conflict do nothing

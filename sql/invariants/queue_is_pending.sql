-- What stands in the queue is pending. An entry that is not comes off when it is due, so only those that were due more
-- than a minute ago count: nobody is taking them, and they are counted as backlog.
select q.event_id::text as id
from event_queue q
left join webhook_events e on e.id = q.event_id
where q.next_attempt_at < now() - interval '1 minute'
  and (e.id is null or e.processed_at is not null or e.next_attempt_at <> q.next_attempt_at)

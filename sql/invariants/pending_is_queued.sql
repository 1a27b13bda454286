-- A pending event stands in the queue, at the time when it is due; else nobody will ever take it.
-- To mend: update webhook_events set next_attempt_at = now() + interval '1 second' where id = '…'
select e.id::text as id
from webhook_events e
where e.processed_at is null
  and not exists (
      select from event_queue q where q.next_attempt_at = e.next_attempt_at and q.event_id = e.id
  )

-- A pending event stands in the queue, at the time when it is due; else nobody would ever take it. The monitor puts back what
-- is missing (src/jobs/event_watch.rs); at once: select lost from queue_lost_events(…), as docs/restore.md has it.
select e.id::text as id
from webhook_events e
where e.processed_at is null
  and not exists (
      select from event_queue q where q.next_attempt_at = e.next_attempt_at and q.event_id = e.id
  )

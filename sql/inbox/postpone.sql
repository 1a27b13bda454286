-- $1 ids, $2 waits in milliseconds, $3 errors, $4 attempts spent
-- The trigger on next_attempt_at puts the events back into the queue.
update webhook_events e
set next_attempt_at = clock_timestamp() + s.wait_ms * interval '1 millisecond',
    attempts = e.attempts + s.spent,
    last_error = s.last_error
from unnest($1::uuid[], $2::bigint[], $3::text[], $4::int[]) as s (id, wait_ms, last_error, spent)
where e.id = s.id and e.id = any (array(select unnest($1::uuid[]))) and e.processed_at is null

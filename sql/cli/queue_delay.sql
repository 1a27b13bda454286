-- How long the first event in the queue has been due: with processors at work, not long.
select coalesce(extract(epoch from now() - min(next_attempt_at)), 0)::float8 as "seconds!"
from event_queue
where next_attempt_at <= now()

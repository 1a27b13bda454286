-- $1 a time, $2 whether what a worker has in hand counts, also one that was killed
-- How much of what had come by then is not done: events, and jobs that were due.
select (select count(*) from webhook_events where processed_at is null and received_at <= $1) as "events!",
       (select count(*) from jobs
        where settled_at is null and due_at <= $1 and ($2 or lease_until is null or lease_until <= now())) as "jobs!"

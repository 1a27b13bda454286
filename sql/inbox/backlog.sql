-- The size of the inbox, from the queue and the index of failures: cheap beside any number of processed events.
select
    (select count(*) from event_queue) as "pending!",
    (select count(*) from webhook_events where last_error is not null and processed_at is null) as "retrying!",
    (select count(*) from webhook_events where last_error is not null and outcome = 'dead') as "dead!",
    coalesce((select extract(epoch from now() - min(e.received_at))
              from (select q.event_id from generate_series(0, 32) l (lane) cross join lateral (
                        select next_attempt_at, event_id from event_queue q where q.lane = l.lane
                        order by next_attempt_at, event_id limit 100) q) q
              join webhook_events e on e.id = q.event_id), 0)::float8 as "oldest_pending_seconds!",
    (select count(*) from jobs where settled_at is null) as "jobs_pending!",
    (select count(*) from jobs where settled_at is null and due_at <= now()) as "jobs_due!",
    (select count(*) from jobs where outcome = 'dead') as "jobs_dead!"

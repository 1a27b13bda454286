-- $1 tenant (null: all), $2 rows counted at most, $3 pending events of which it is asked whose they are, at most
-- What stands where now, each counted up to a bound: from the queue, the index of failures and the indexes of jobs.
-- All pending ones are counted in the narrow queue; those of one tenant among the first that are due.
with queued as materialized (
    select q.event_id from generate_series(0, 32) l (lane) cross join lateral (
        select next_attempt_at, event_id from event_queue q where q.lane = l.lane
        order by next_attempt_at, event_id limit $3) q
    order by q.next_attempt_at, q.event_id limit $3
), pending as materialized (
    select e.received_at, e.last_error from queued q join webhook_events e on e.id = q.event_id
    where e.processed_at is null and ($1::uuid is null or e.tenant_id = $1)
)
select
    case when $1::uuid is null then (select count(*) from (select from event_queue limit $2) q)
         else (select count(*) from pending) end as "pending!",
    (select count(*) from (select from webhook_events
                           where last_error is not null and processed_at is null
                             and ($1::uuid is null or tenant_id = $1) limit $2) e) as "retrying!",
    (select count(*) from (select from webhook_events
                           where last_error is not null and outcome = 'dead'
                             and ($1::uuid is null or tenant_id = $1) limit $2) e) as "dead!",
    (select extract(epoch from now() - min(received_at)) from pending)::float8 as oldest_pending_seconds,
    (select count(*) from (select from jobs where settled_at is null and ($1::uuid is null or tenant_id = $1) limit $2) j)
        as "jobs_pending!",
    (select count(*) from (select from jobs where settled_at is null and due_at <= now()
                             and ($1::uuid is null or tenant_id = $1) limit $2) j) as "jobs_due!",
    (select count(*) from (select from jobs where outcome = 'dead' and ($1::uuid is null or tenant_id = $1) limit $2) j)
        as "jobs_dead!",
    (select id from webhook_events order by id desc limit 1) is not null as "has_events!"

-- How long events take from the door to the commit of their effects, and how much is waiting: the same numbers as the
-- head of `switchhook stats`, and as the gauges of /metrics.
--
--   psql "$DATABASE_URL" -f sql/ops/lag.sql
--   psql "$DATABASE_URL" -v since='2 hours' -f sql/ops/lag.sql
--
-- since   how far back settled events are looked at, by when they were received: an interval [24 hours]

\set ON_ERROR_STOP on
-- -v schema=…: where the tables are (database.schema), if not in public.
\if :{?schema}
    select set_config('search_path', quote_ident(:'schema'), false) as path \gset
\endif
\if :{?since} \else \set since '24 hours' \endif

-- As sql/inbox/backlog.sql.
select
    (select count(*) from event_queue) as pending,
    (select count(*) from webhook_events where last_error is not null and processed_at is null) as retrying,
    (select count(*) from webhook_events where last_error is not null and outcome = 'dead') as dead,
    coalesce((select extract(epoch from now() - min(e.received_at))
              from (select q.event_id from generate_series(0, 32) l (lane) cross join lateral (
                        select next_attempt_at, event_id from event_queue q where q.lane = l.lane
                        order by next_attempt_at, event_id limit 100) q) q
              join webhook_events e on e.id = q.event_id), 0)::float8 as oldest_pending_seconds,
    (select count(*) from jobs where settled_at is null) as jobs_pending,
    (select count(*) from jobs where settled_at is null and due_at <= now()) as jobs_due,
    (select count(*) from jobs where outcome = 'dead') as jobs_dead;

-- As sql/inbox/lag.sql.
select count(*) as events,
       percentile_cont(0.5) within group (order by lag) as p50_seconds,
       percentile_cont(0.9) within group (order by lag) as p90_seconds,
       percentile_cont(0.99) within group (order by lag) as p99_seconds,
       max(lag) as max_seconds
from (
    select extract(epoch from processed_at - received_at)::float8 as lag
    from webhook_events
    where received_at >= now() - :'since'::interval and processed_at is not null
) as settled;

-- How many events stand where, by type: the same numbers as the table of `switchhook stats`. Pending and dead ones are
-- counted however old they are; processed and ignored ones where they were received lately.
--
--   psql "$DATABASE_URL" -f sql/ops/backlog_by_type.sql
--   psql "$DATABASE_URL" -v since='7 days' -f sql/ops/backlog_by_type.sql
--
-- since   how far back processed and ignored events are counted: an interval [24 hours]

\set ON_ERROR_STOP on
-- -v schema=…: where the tables are (database.schema), if not in public.
\if :{?schema}
    select set_config('search_path', quote_ident(:'schema'), false) as path \gset
\endif
\if :{?since} \else \set since '24 hours' \endif

-- As sql/inbox/counts_by_type.sql.
with counted as (
    select e.provider, e.event_type, 'pending' as outcome, count(*) as n, min(e.received_at) as oldest_at
    from webhook_events e
    where e.id in (select q.event_id from event_queue q) and e.processed_at is null
    group by e.provider, e.event_type
    union all
    select e.provider, e.event_type, 'dead', count(*), null
    from webhook_events e
    where e.last_error is not null and e.outcome = 'dead'
    group by e.provider, e.event_type
    union all
    select e.provider, e.event_type, e.outcome, count(*), null
    from webhook_events e
    where e.received_at >= now() - :'since'::interval and e.outcome in ('processed', 'ignored')
    group by e.provider, e.event_type, e.outcome
)
select provider, event_type,
       coalesce(sum(n) filter (where outcome = 'pending'), 0)::bigint as pending,
       coalesce(sum(n) filter (where outcome = 'processed'), 0)::bigint as processed,
       coalesce(sum(n) filter (where outcome = 'ignored'), 0)::bigint as ignored,
       coalesce(sum(n) filter (where outcome = 'dead'), 0)::bigint as dead,
       min(oldest_at) as oldest_pending_at
from counted
group by provider, event_type
order by provider, event_type;

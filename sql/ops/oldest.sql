-- The pending events that have waited longest, why they failed, and when they are due: what
-- `switchhook events list --outcome pending` shows, from the other end.
--
--   psql "$DATABASE_URL" -f sql/ops/oldest.sql
--   psql "$DATABASE_URL" -v rows=100 -f sql/ops/oldest.sql
--
-- rows   rows at most [20]

\set ON_ERROR_STOP on
-- -v schema=…: where the tables are (database.schema), if not in public.
\if :{?schema}
    select set_config('search_path', quote_ident(:'schema'), false) as path \gset
\endif
\if :{?rows} \else \set rows 20 \endif

select e.id, e.provider, e.event_type, e.received_at, now() - e.received_at as waiting, e.attempts, e.next_attempt_at,
       e.last_error
from webhook_events e
where e.id in (select q.event_id from event_queue q) and e.processed_at is null
order by e.received_at, e.id
limit :rows;

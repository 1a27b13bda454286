-- Reconciliations, the newest first: what was asked for, what was listed, missing and fetched, and why one ended early.
-- The same as `switchhook reconcile --history`.
--
--   psql "$DATABASE_URL" -f sql/ops/reconciliations.sql
--   psql "$DATABASE_URL" -v rows=100 -f sql/ops/reconciliations.sql
--
-- rows   rows at most [20]

\set ON_ERROR_STOP on
-- -v schema=…: where the tables are (database.schema), if not in public.
\if :{?schema}
    select set_config('search_path', quote_ident(:'schema'), false) as path \gset
\endif
\if :{?rows} \else \set rows 20 \endif

select r.started_at, r.provider, c.slug as connection,
       r.since, r.until, case when r.scheduled then 'schedule' else 'hand' end as by, r.listed, r.missing, r.inserted,
       case when r.finished_at is null then 'not finished' else r.error end as error
from reconciliations r
join connections c on c.id = r.connection_id
order by r.id desc
limit :rows;

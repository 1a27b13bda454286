-- Jobs by kind: what waits, what is late, what died, what is paused; and the dead ones with their reasons. The same as
-- `switchhook jobs stats` and `switchhook jobs list --state dead`.
--
--   psql "$DATABASE_URL" -f sql/ops/jobs.sql
--   psql "$DATABASE_URL" -v rows=100 -f sql/ops/jobs.sql
--
-- rows   rows of the second list at most [20]

\set ON_ERROR_STOP on
-- -v schema=…: where the tables are (database.schema), if not in public.
\if :{?schema}
    select set_config('search_path', quote_ident(:'schema'), false) as path \gset
\endif
\if :{?rows} \else \set rows 20 \endif

-- As sql/outbox/counts.sql.
select j.kind as kind,
       count(*) filter (where j.settled_at is null) as pending,
       count(*) filter (where j.settled_at is null and j.due_at <= now()) as due,
       count(*) filter (where j.settled_at is null and j.lease_until > now()) as running,
       count(*) filter (where j.outcome = 'dead') as dead,
       count(*) filter (where j.outcome = 'done') as done,
       count(*) filter (where j.outcome = 'skipped') as skipped,
       count(*) filter (where j.outcome = 'cancelled') as cancelled,
       coalesce(sum(j.unknown_outcomes), 0)::bigint as unknown_outcomes,
       coalesce(extract(epoch from now() - min(j.due_at) filter (where j.settled_at is null and j.due_at <= now())),
                0)::float8 as oldest_due_seconds,
       (select p.reason from job_pauses p where p.kind = j.kind) as paused
from jobs j
where j.settled_at is null or j.outcome = 'dead' or j.settled_at > now() - interval '24 hours'
group by j.kind
order by j.kind;

select id, kind, key, settled_at as died_at, attempts, unknown_outcomes, last_error
from jobs
where outcome = 'dead'
order by id desc
limit :rows;

-- The events that failed for good: by what they died of, and the last few. The same as `switchhook dead list
-- --by-cause` and `switchhook dead list`.
--
--   psql "$DATABASE_URL" -f sql/ops/dead_letters.sql
--   psql "$DATABASE_URL" -v rows=100 -f sql/ops/dead_letters.sql
--
-- rows   rows of the second list at most [20]

\set ON_ERROR_STOP on
-- -v schema=…: where the tables are (database.schema), if not in public.
\if :{?schema}
    select set_config('search_path', quote_ident(:'schema'), false) as path \gset
\endif
\if :{?rows} \else \set rows 20 \endif

select provider, event_type, last_error, count(*) as events, min(received_at) as first_at, max(received_at) as last_at
from dead_letters
group by provider, event_type, last_error
order by count(*) desc, provider, event_type, last_error;

select id, provider, event_type, received_at, died_at, attempts, last_error
from dead_letters
order by id desc
limit :rows;

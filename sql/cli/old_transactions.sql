-- $1 older than this, in seconds
-- Transactions that hold back the horizon: what was deleted since they began (the queue, above all) cannot be cleaned
-- away and is scanned again and again. Vacuum itself holds nothing back. No statement's text: it may be personal data.
select pid as "pid!", coalesce(nullif(application_name, ''), backend_type, 'unknown') as "who!",
       extract(epoch from now() - xact_start)::float8 as "age_seconds!"
from pg_stat_activity
where xact_start < now() - $1 * interval '1 second' and pid <> pg_backend_pid()
  and (backend_xmin is not null or backend_xid is not null)
  and backend_type <> 'autovacuum worker'
order by xact_start

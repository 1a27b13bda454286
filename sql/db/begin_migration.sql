-- $1 schema
-- For this transaction. A lock is waited for only so long, since whoever comes after us waits behind us: a little longer
-- than Postgres takes to look for deadlocks, which is when it ends an autovacuum that is in the way. Making an index on a
-- big table may take longer than statements are given in service. What is made pins its search_path to this one; temporary
-- tables come last, so that nobody can hang theirs into our functions. Returns whether nobody else migrates this schema.
select set_config('search_path', quote_ident($1::text) || ', pg_temp', true) as path,
       set_config('statement_timeout', '0', true) as statements,
       set_config('lock_timeout',
                  least(extract(epoch from current_setting('deadlock_timeout')::interval) * 1000 + 200, 3000)::integer::text,
                  true) as locks,
       pg_try_advisory_xact_lock(hashtextextended('switchhook migrate ' || $1::text, 0)) as "is_ours!"

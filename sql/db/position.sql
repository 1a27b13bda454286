-- How far the primary has written, and when that was: in this order, so that everything that was committed by then is in it.
-- Beside it what its standby must have as well.
select clock_timestamp() as "at!", (pg_current_wal_lsn() - '0/0')::bigint as "written!",
       current_database()::text as "database!", max(version) as version, max(installed_on) as installed_at
from _sqlx_migrations where success

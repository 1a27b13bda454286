-- How far a standby has replayed, and what it holds. Runs there.
select pg_is_in_recovery() as "is_standby!", (pg_last_wal_replay_lsn() - '0/0')::bigint as replayed,
       current_database()::text as "database!", max(version) as version, max(installed_on) as installed_at
from _sqlx_migrations where success

-- $1 the name of the process
-- Ends sessions of a process that were in a transaction when their connections went silent: until Postgres notices that
-- nobody is there, it keeps what they have locked. Newer ones have been begun since.
select count(pg_terminate_backend(pid)) as "ended!"
from pg_stat_activity
where application_name like '% ' || $1::text
      and datname = current_database() and usename = current_user and pid <> pg_backend_pid()
      and xact_start < clock_timestamp() - interval '2 seconds'

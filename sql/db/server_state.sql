-- Which run of which server answers, and whether it takes changes: a standby and a server set to read-only do not.
select pg_postmaster_start_time() as "started_at!",
       pg_is_in_recovery() or current_setting('transaction_read_only')::boolean as "is_read_only!"

-- One process watches at a time; the number is only ours.
select pg_try_advisory_xact_lock(7716301) as "mine!"

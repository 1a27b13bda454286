-- One process of an installation watches at a time.
select pg_try_advisory_xact_lock(hashtextextended('switchhook watch ' || current_schema(), 0)) as "mine!"

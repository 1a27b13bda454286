-- How many prepared statements Postgres knows in this session by the names that the driver gives them; this one is prepared
-- as well. A pooler that keeps track of them gives them names of its own.
select count(*) as "kept!" from pg_prepared_statements where name like 'sqlx\_s\_%'

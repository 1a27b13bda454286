-- $1 names of SQL functions
-- Those that do not take an event's row, or do not exist.
select name as "name!" from unnest($1::text[]) as f (name)
where to_regprocedure(name || '(webhook_events)') is null
order by name

-- $1 our functions
-- Those whose search_path is not pinned to the schema that they are in, as after it was renamed or restored under another
-- name. A function whose body was bound when it was made (prosqlbody) follows its tables whatever they are called.
select format('%I.%I(%s)', s.name, p.proname, pg_get_function_identity_arguments(p.oid)) as "function!",
       quote_ident(s.name) || ', pg_temp' as "path!"
from (select current_schema()::text as name) s
join pg_proc p on p.pronamespace = (select oid from pg_namespace where nspname = s.name)
where p.proname = any ($1::text[]) and p.prosqlbody is null
  and not coalesce(p.proconfig, '{}') @> array['search_path=' || quote_ident(s.name) || ', pg_temp']

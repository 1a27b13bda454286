-- $1 schema, $2 relations, $3 types, $4 functions that the migrations will make
-- What somebody else has made there under one of these names.
select kind as "kind!", name as "name!"
from (
    select case c.relkind when 'v' then 'view' when 'm' then 'view' when 'i' then 'index' when 'S' then 'sequence'
                          when 'c' then 'type' else 'table' end as kind, c.relname::text as name
    from pg_class c
    where c.relnamespace = (select oid from pg_namespace where nspname = $1::text) and c.relname = any ($2::text[])
    union all
    select 'type', t.typname::text
    from pg_type t
    where t.typnamespace = (select oid from pg_namespace where nspname = $1::text) and t.typname = any ($3::text[])
      and t.typrelid = 0
    union all
    select 'function', p.proname::text
    from pg_proc p
    where p.pronamespace = (select oid from pg_namespace where nspname = $1::text) and p.proname = any ($4::text[])
) found
order by kind <> 'table', name
limit 1

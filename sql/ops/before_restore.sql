-- Before the data of a dump of everything go into a database that `switchhook migrate` has made: takes away the rows that
-- migrations write, which the dump brings along. It refuses where there is anything else (docs/restore.md).
--
--   psql "$DATABASE_URL" -f sql/ops/before_restore.sql

\set ON_ERROR_STOP on
-- -v schema=…: where the tables are (database.schema), if not in public.
\if :{?schema}
    select set_config('search_path', quote_ident(:'schema'), false) as path \gset
\endif

begin;
do $$
begin
    if exists (select from tenants) or exists (select from webhook_events) or exists (select from secrets) then
        raise exception 'there are rows that no migration has written: nothing was changed';
    end if;
end $$;
delete from connections where id = '00000000-0000-7000-8000-000000000001';
delete from retention_rules where id = '00000000-0000-7000-8000-000000000002';
commit;

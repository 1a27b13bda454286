-- Whether anything was ever migrated in this schema.
select exists (
    select from pg_class
    where relname = '_sqlx_migrations' and relnamespace = (select oid from pg_namespace where nspname = current_schema())
) as "has_books!"

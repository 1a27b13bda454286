-- What Postgres says of the session that a new connection of ours has: whether it was made for this connection, what is set
-- in it, and for whom it could be set otherwise. Asked in the simple protocol: behind a pooler a prepared statement may be
-- somebody else's.
-- A session takes the name of the application from the message by which a connection begins; a pooler makes its sessions
-- itself, and sets the name of whoever uses one.
select (select source = 'client' from pg_settings where name = 'application_name') as is_own,
       coalesce(current_schema()::text,
                replace((regexp_match(current_setting('search_path'), '^\s*"((?:[^"]|"")+)"'))[1], '""', '"'),
                trim(split_part(current_setting('search_path'), ',', 1))) as search_path,
       (select setting from pg_settings where name = 'statement_timeout') as statement_timeout,
       (select setting from pg_settings where name = 'idle_in_transaction_session_timeout')
           as idle_in_transaction_session_timeout,
       current_setting('timezone') as timezone,
       current_setting('default_transaction_isolation') as default_transaction_isolation,
       current_setting('jit') as jit,
       quote_ident(session_user) as role,
       quote_ident(current_database()) as database,
       (select count(*) from pg_prepared_statements where name like 'sqlx\_s\_%')::text as statements

-- A new event type without a line of Rust: an SQL function, named in the configuration (config.toml beside this file).
-- It gets the event's row, and runs in the transaction that settles the event. It must give the same rows when it runs
-- again: on conflict. An exception fails the event, which is tried again later.
--
--   psql "$DATABASE_URL" -f examples/sql_function/on_sms_received.sql
--
-- Where the program runs as the runtime role of sql/ops/roles.sql, run it as the owner, and let that role in:
--
--   grant usage on schema crm to switchhook_runtime; grant select, insert on crm.sms to switchhook_runtime;
create schema if not exists crm;

create table if not exists crm.sms (
    id text primary key,
    sender text not null,
    body text not null,
    received_at timestamptz not null
);

create or replace function crm.on_sms_received(event webhook_events) returns void language sql as $$
    insert into crm.sms (id, sender, body, received_at)
    values (event.payload #>> '{payload,sms,id}', event.payload #>> '{payload,sms,from}',
            event.payload #>> '{payload,sms,text}', event.received_at)
    on conflict (id) do nothing
$$;

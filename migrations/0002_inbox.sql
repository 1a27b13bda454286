-- The inbox: every webhook that was answered 200, once, and the narrow queue of those not yet processed.

create table webhook_events (
    id uuid primary key default uuid_v7(),
    connection_id uuid not null,
    tenant_id uuid,
    provider text not null,
    event_type text not null,
    external_event_id text not null check (length(external_event_id) <= 500),
    occurred_at timestamptz,
    received_at timestamptz not null default now(),
    processed_at timestamptz,
    next_attempt_at timestamptz not null default now(),
    attempts integer not null default 0,
    outcome text check (outcome in ('processed', 'ignored', 'dead')),
    last_error text,
    note text,
    campaign_rank text,
    is_queued boolean,
    payload jsonb not null,
    unique (connection_id, external_event_id),
    constraint webhook_events_outcome_when_processed check ((processed_at is null) = (outcome is null))
) with (
    -- Settling rewrites the row. A batch settles all rows of a page at once, so half of the page is left for their
    -- new versions: that keeps it a heap-only update, which touches no index and logs only what has changed (160
    -- bytes of WAL instead of 1,500; with 80 only a third of the rows found room). The payload leaves the row as soon
    -- as the row would be long enough to be toasted, at 2 kB.
    fillfactor = 50,
    toast_tuple_target = 256
);
alter table webhook_events alter column payload set storage external;

comment on table webhook_events is 'the inbox: one row for each webhook that was answered 200';
comment on column webhook_events.occurred_at is 'when it happened, by the provider; null where it does not say';
comment on column webhook_events.received_at is 'when it was stored, by the database';
comment on column webhook_events.processed_at is 'null means pending and nothing else; clear it to replay';
comment on column webhook_events.outcome is 'processed, ignored or dead; null while pending';
comment on column webhook_events.tenant_id is 'whose it is; for a shared connection set when first processed, and kept, so that a replay changes nothing';
comment on column webhook_events.campaign_rank is 'the campaign found when first processed (calls.campaign_rank), kept for the same reason';
comment on column webhook_events.last_error is 'why the last attempt failed; null when none did';
comment on column webhook_events.is_queued is 'true: whoever inserted it put it into event_queue in the same statement; null: a trigger did';
comment on column webhook_events.note is 'what a person should know: fields that were skipped, or why it was ignored';

-- No index may name processed_at or outcome: an index on a column that settling writes would make every settle
-- touch all of them. Failures are found by last_error, which an untroubled event never writes.
create index webhook_events_failed_idx on webhook_events (id) where last_error is not null;
create index webhook_events_received_idx on webhook_events using brin (received_at) with (pages_per_range = 32);

-- One narrow row for each pending event. Taking it off costs 135 bytes of WAL; marking the wide row through an
-- index on "pending" cost 3,120. It is derived: the triggers below keep it true to webhook_events.
create table event_queue (
    next_attempt_at timestamptz not null,
    event_id uuid not null,
    lane smallint not null default 0,
    primary key (lane, next_attempt_at, event_id)
) with (
    autovacuum_vacuum_scale_factor = 0.0,
    autovacuum_vacuum_threshold = 20000,
    autovacuum_vacuum_cost_delay = 0
);
comment on table event_queue is 'pending events in the order they are due; kept by triggers on webhook_events';
-- By the last half-byte of an id, which is random. Claims go from lane to lane (src/inbox/lane.rs), so that whoever has
-- much waiting keeps nobody else waiting.
comment on column event_queue.lane is '0 to 15: live events, by tenant; 16 to 31: replayed and reconciled ones, by tenant; 32: those with a handler of the user''s own';

-- A row inserted by hand names its connection; the rest follows from that.
create function webhook_events_complete() returns trigger language plpgsql set search_path from current as $$
begin
    select c.provider, coalesce(new.tenant_id, c.tenant_id) into new.provider, new.tenant_id
    from connections c where c.id = new.connection_id;
    if new.provider is null then
        raise exception 'no such connection: %', new.connection_id using errcode = 'foreign_key_violation';
    end if;
    return new;
end $$;
create trigger webhook_events_complete before insert on webhook_events
    for each row when (new.provider is null) execute function webhook_events_complete();

-- Our own statement (sql/inbox/accept.sql) fills the queue itself and says so; the trigger serves rows that come in any
-- other way. Restored rows may find their queue rows there, restored before them.
create function webhook_events_enqueue() returns trigger language plpgsql set search_path from current as $$
begin
    insert into event_queue (lane, next_attempt_at, event_id)
    values ((get_byte(uuid_send(coalesce(new.tenant_id, new.connection_id)), 15) & 15)
                + case when new.origin is null then 0 else 16 end,
            new.next_attempt_at, new.id)
    on conflict do nothing;
    return null;
end $$;
create trigger webhook_events_enqueue after insert on webhook_events
    for each row when (new.processed_at is null and new.is_queued is not true)
    execute function webhook_events_enqueue();

-- Replay: clearing processed_at by hand starts the event afresh. The WHEN clauses make both triggers free for
-- every other update.
create function webhook_events_reset() returns trigger language plpgsql set search_path from current as $$
begin
    new.attempts := 0;
    new.outcome := null;
    new.next_attempt_at := now();
    return new;
end $$;
create trigger webhook_events_reset before update on webhook_events
    for each row when (old.processed_at is not null and new.processed_at is null)
    execute function webhook_events_reset();

-- A plan is kept for as long as the session, and made when the queue may be empty: then reading all of it looks cheapest,
-- and a replay of 20,000 events reads 20,000 rows for each. Without sequential scans it is the key, always.
create function webhook_events_requeue() returns trigger language plpgsql
set search_path from current set enable_seqscan = off as $$
declare
    live smallint := get_byte(uuid_send(coalesce(new.tenant_id, new.connection_id)), 15) & 15;
begin
    delete from event_queue
    where lane in (live, live + 16, 32) and next_attempt_at = old.next_attempt_at and event_id = old.id;
    insert into event_queue (lane, next_attempt_at, event_id)
    values (live + case when old.processed_at is null then 0 else 16 end, new.next_attempt_at, new.id)
    on conflict do nothing;
    return null;
end $$;
create trigger webhook_events_requeue after update on webhook_events
    for each row when (new.processed_at is null
        and (old.processed_at is not null or old.next_attempt_at is distinct from new.next_attempt_at))
    execute function webhook_events_requeue();

-- Skip: setting processed_at by hand, without an outcome, settles the event as ignored.
-- A processor that holds the event takes the queue row off itself: waiting for it here could be a deadlock.
create function webhook_events_skip() returns trigger language plpgsql
set search_path from current set enable_seqscan = off as $$
declare
    live smallint := get_byte(uuid_send(coalesce(old.tenant_id, old.connection_id)), 15) & 15;
begin
    new.outcome := 'ignored';
    new.note := coalesce(new.note, 'skipped by hand');
    delete from event_queue where ctid = any (array(
        select ctid from event_queue
        where lane in (live, live + 16, 32) and next_attempt_at = old.next_attempt_at and event_id = old.id
        for update skip locked
    ));
    return new;
end $$;
create trigger webhook_events_skip before update on webhook_events
    for each row when (old.processed_at is null and new.processed_at is not null and new.outcome is null)
    execute function webhook_events_skip();

create view dead_letters as
    select id, connection_id, tenant_id, provider, event_type, external_event_id, received_at,
           processed_at as died_at, attempts, last_error
    from webhook_events
    where last_error is not null and outcome = 'dead';
comment on view dead_letters is 'events that failed for good, and why';

create table rejections (
    id uuid primary key default uuid_v7(),
    at timestamptz not null default now(),
    provider text,
    connection text,
    address text,
    reason text not null,
    status smallint not null,
    body_bytes bigint not null default 0,
    body_digest text,
    repeats bigint not null default 1
);
comment on table rejections is 'requests refused at the door; repeats counts those of one reason beyond the per-minute bound';
create index rejections_at_idx on rejections (at);

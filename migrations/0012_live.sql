-- What a voice agent is told while the phone rings, and what it may do during the call: appointments, notes, answers.

-- A tenant's calendar as a number: what keeps the tenants apart in appointments.place.
create table calendars (
    tenant_id uuid primary key,
    number bigint not null generated always as identity unique
);

create table appointments (
    id uuid primary key,
    tenant_id uuid not null,
    calendar bigint not null references calendars (number),
    seat integer not null check (seat between 0 and 999),
    starts_at timestamptz not null,
    ends_at timestamptz not null,
    busy_until timestamptz not null,
    -- Calendar, seat and time on one line of numbers, so that a range type of plain Postgres keeps two appointments from
    -- one place. An exclusion over (calendar with =, seat with =, time with &&) would need the extension btree_gist,
    -- which not every managed Postgres lets one install. A calendar has a stretch of 10^15 of this line, a seat 10^12
    -- seconds of that; a time before 1970 or 30,000 years from now would leave it.
    place numrange not null generated always as (numrange(
        (calendar * 1000 + seat)::numeric * 1000000000000
            + extract(epoch from starts_at - timestamptz '1970-01-01 00:00:00+00'),
        (calendar * 1000 + seat)::numeric * 1000000000000
            + extract(epoch from busy_until - timestamptz '1970-01-01 00:00:00+00'))) stored,
    phone text collate "C" not null,
    name text,
    purpose text,
    unverified boolean not null default false,
    event_id uuid,
    created_at timestamptz not null default now(),
    cancelled_at timestamptz,
    moved_to uuid,
    constraint appointments_end_after_start check (starts_at < ends_at and ends_at <= busy_until),
    constraint appointments_within_place check (starts_at >= '1970-01-01 00:00:00+00' and busy_until < '9000-01-01 00:00:00+00'),
    constraint appointments_one_at_a_place exclude using gist (place with &&) where (cancelled_at is null)
);
comment on table appointments is 'who comes when; what an agent books is written at once, in the transaction that stores its request, and never by replaying it';
comment on column appointments.id is 'digest of the event that booked it';
comment on column appointments.seat is 'which of the tenant''s places at one time (appointments.capacity), counted from 0';
comment on column appointments.busy_until is 'the end, and the buffer after it';
comment on column appointments.phone is 'whose it is: E.164';
comment on column appointments.unverified is 'the caller gave the number themselves, and no platform vouched for it';
comment on column appointments.event_id is 'the request that booked it; null: by hand';
comment on column appointments.moved_to is 'the appointment that it was moved to; then cancelled_at is set too';
create index appointments_time_idx on appointments (tenant_id, starts_at) where cancelled_at is null;
create index appointments_person_idx on appointments (tenant_id, phone, starts_at);

-- The free slots from $from_at until $until_at, in order: at most $per_day of one day by the tenant's clock, and $most
-- altogether; it stops looking once it has them. Postgres knows every time zone and its changes of the clock: opening
-- and closing are read by the wall clock, slots are laid out between them in elapsed time. So a night in which an hour is
-- skipped has fewer slots, one in which an hour comes twice has more, and none of them is at a time that does not exist.
create function free_slots(
    tenant uuid, zone text, weekdays integer[], opens time[], closes time[], holidays date[], slot interval,
    step interval, capacity integer, from_at timestamptz, until_at timestamptz, per_day integer, most integer
) returns table (starts_at timestamptz, local_at timestamp) language plpgsql stable set search_path from current as $$
declare
    day date := (from_at at time zone zone)::date;
    last_day date := (until_at at time zone zone)::date;
    opening record;
    slot_at timestamptz;
    closing timestamptz;
    of_day integer;
    total integer := 0;
begin
    while day <= last_day and total < most loop
        of_day := 0;
        for opening in
            select h.opens, h.closes from unnest(weekdays, opens, closes) as h (weekday, opens, closes)
            where h.weekday = extract(isodow from day) and not day = any (holidays)
            order by h.opens
        loop
            slot_at := (day + opening.opens) at time zone zone;
            closing := (day + opening.closes) at time zone zone;
            while slot_at + slot <= closing and slot_at < until_at and of_day < per_day and total < most loop
                if slot_at >= from_at and (
                    select count(distinct a.seat) from appointments a
                    where a.tenant_id = tenant and a.cancelled_at is null and a.seat < capacity
                      and a.starts_at < slot_at + step and a.starts_at > slot_at - interval '2 days'
                      and a.busy_until > slot_at
                ) < capacity then
                    starts_at := slot_at;
                    local_at := slot_at at time zone zone;
                    of_day := of_day + 1;
                    total := total + 1;
                    return next;
                end if;
                slot_at := slot_at + step;
            end loop;
        end loop;
        day := day + 1;
    end loop;
end $$;

create table lead_notes (
    id uuid primary key,
    tenant_id uuid not null,
    phone text collate "C" not null,
    kind text not null check (kind in ('note', 'preference', 'flag', 'callback')),
    body text not null,
    author text,
    call_ref text,
    wanted_at timestamp,
    event_id uuid,
    at timestamptz not null,
    resolved_at timestamptz,
    unverified boolean not null default false
);
comment on table lead_notes is 'what was noted of a person during a call, by whom and when; flags and callbacks wait for a person until resolved_at';
comment on column lead_notes.unverified is 'the caller gave the number themselves, and no platform vouched for it';
comment on column lead_notes.wanted_at is 'when a callback is wanted, by the tenant''s clock';
create index lead_notes_person_idx on lead_notes (tenant_id, phone, at);

create table live_answers (
    event_id uuid primary key,
    tenant_id uuid not null,
    connection_id uuid not null,
    call_ref text,
    function text not null,
    wrote boolean not null,
    answer jsonb not null,
    at timestamptz not null
);
comment on table live_answers is 'what a function answered: a repeated request hears it again, and nothing is done twice; goes with the payload of its event';
create index live_answers_call_idx on live_answers (connection_id, call_ref, at) where wrote;

-- An answer names the person as the request does: it goes when the payload goes, by retention or erasure. Free for every
-- other update.
create function webhook_events_forget_answer() returns trigger language plpgsql set search_path from current as $$
begin
    delete from live_answers where event_id = new.id;
    return null;
end $$;
create trigger webhook_events_forget_answer after update on webhook_events
    for each row when (old.payload_removed_at is null and new.payload_removed_at is not null)
    execute function webhook_events_forget_answer();

create table live_minutes (
    minute timestamptz not null,
    endpoint text not null,
    answers bigint not null,
    slow bigint not null,
    fallbacks bigint not null,
    primary key (minute, endpoint)
);
comment on table live_minutes is 'live answers by minute: all, those over live.budget, those given without the database';

create table slow_answers (
    id uuid primary key default uuid_v7(),
    at timestamptz not null,
    endpoint text not null,
    connection_id uuid not null,
    tenant_id uuid,
    took_ms integer not null,
    is_fallback boolean not null,
    steps jsonb not null
);
comment on table slow_answers is 'live answers over live.budget, and where the time went, in milliseconds; no personal data';
create index slow_answers_at_idx on slow_answers (at);

alter table leads add column blocked_by_hand boolean;
comment on column leads.blocked_by_hand is 'hand: true: calls of this person are declined, where the platform asks';

-- The last calls of a person in their order, however many there are.
drop index calls_contact_idx;
create index calls_contact_idx on calls (tenant_id, contact_number, started_at desc nulls last)
    where contact_number is not null;

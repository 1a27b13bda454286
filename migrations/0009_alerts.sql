-- Alerts: one incident is one row from its first sign to its end, however often it is seen.

create table incidents (
    id uuid primary key default uuid_v7(),
    cause text not null,
    subject text not null,
    tenant_id uuid,
    severity text not null check (severity in ('critical', 'warning', 'info')),
    summary text not null,
    opened_at timestamptz not null,
    last_seen_at timestamptz not null,
    told_at timestamptz not null,
    resolved_at timestamptz
);
create unique index incidents_open_idx on incidents (cause, subject) where resolved_at is null;
comment on table incidents is 'what people were alerted of; open while resolved_at is null';
comment on column incidents.told_at is 'the last alert; while it lasts, the next one comes after the cool-down';
comment on column incidents.summary is 'no personal data';

create table connection_hours (
    connection_id uuid not null,
    hour timestamptz not null,
    primary key (connection_id, hour)
);
comment on table connection_hours is 'the hours in which a connection sent anything: what its silence is measured by';

alter table jobs add column needs_person boolean not null default false;
comment on column jobs.needs_person is 'the vendor refuses until a person acts: credentials, permissions, money';
create index jobs_needs_person_idx on jobs (id) where needs_person;

create table monitor_marks (
    name text primary key,
    event_id uuid not null
);
comment on table monitor_marks is 'how far the monitor has looked at events: new, and old, of which it looks at some each time and then begins again';

-- A pending event without its row in the queue is never taken: after a restore without it, under replication, by a hand
-- that emptied it. Looks at events after one id and up to another, so many at most, and puts back what is missing; returns
-- how many that were, and up to where it has looked (null: there was none). What stands in the queue and is pending no more
-- comes off when it is due.
create function queue_lost_events(after_id uuid, until_id uuid, most integer) returns table (lost bigint, last_id uuid)
language plpgsql set search_path from current set enable_seqscan = off as $$
begin
    return query
    with looked as materialized (
        select e.id, e.next_attempt_at, e.processed_at, e.origin,
               get_byte(uuid_send(coalesce(e.tenant_id, e.connection_id)), 15) & 15 as live
        from webhook_events e
        where e.id > after_id and e.id <= until_id
        order by e.id limit most
    ), missing as (
        select l.id, l.next_attempt_at, l.live + case when l.origin is null then 0 else 16 end as lane from looked l
        where l.processed_at is null
          and (select true from event_queue q
               where q.lane = any (array[l.live, l.live + 16, 32]::smallint[])
                 and q.next_attempt_at = l.next_attempt_at and q.event_id = l.id
               limit 1) is null
    ), queued as (
        insert into event_queue (lane, next_attempt_at, event_id) select lane, next_attempt_at, id from missing
        on conflict do nothing
    )
    select (select count(*) from missing), (select l.id from looked l order by l.id desc limit 1);
end $$;

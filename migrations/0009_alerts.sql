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

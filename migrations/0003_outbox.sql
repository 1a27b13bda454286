-- The outbox: what must happen next, written in the transaction of the event that caused it.

create table jobs (
    id uuid primary key default uuid_v7(),
    tenant_id uuid not null,
    kind text not null,
    key text not null,
    payload jsonb not null default '{}',
    due_at timestamptz not null,
    attempts integer not null default 0,
    lease_until timestamptz,
    settled_at timestamptz,
    outcome text check (outcome in ('done', 'skipped', 'cancelled', 'dead')),
    last_error text,
    created_at timestamptz not null default now(),
    -- For ever: a replayed event finds its job here and puts up no second one.
    unique (kind, key),
    constraint jobs_outcome_when_settled check ((settled_at is null) = (outcome is null))
);
create index jobs_due_idx on jobs (due_at, id) where settled_at is null;
comment on column jobs.due_at is 'merge: the earliest, while the job is not settled';

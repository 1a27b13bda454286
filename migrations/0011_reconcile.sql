-- Reconciliation: calls whose webhooks never came are fetched from the platforms' list APIs.

-- Null for what the door takes in, so that taking in writes nothing more than before.
alter table webhook_events add column origin text check (origin in ('reconciled', 'recovered'));
comment on column webhook_events.origin is 'reconciled: fetched from the list of calls of the platform, and occurred_at is when it was asked; recovered: it was kept unverified until its secret was mended; null: it came as a webhook';

create table reconciliations (
    id uuid primary key default uuid_v7(),
    connection_id uuid not null references connections (id) on delete cascade,
    tenant_id uuid,
    provider text not null,
    since timestamptz not null,
    until timestamptz not null,
    scheduled boolean not null,
    started_at timestamptz not null,
    finished_at timestamptz,
    listed bigint not null default 0,
    missing bigint not null default 0,
    inserted bigint not null default 0,
    error text
);
create index reconciliations_connection_idx on reconciliations (connection_id, id desc);
comment on table reconciliations is 'what each reconciliation asked for and found; nothing of a person';
comment on column reconciliations.finished_at is 'null: it is going on, or its process died';
comment on column reconciliations.listed is 'calls that the platform listed';
comment on column reconciliations.missing is 'those that were not there, or not whole';
comment on column reconciliations.inserted is 'events made of them; fewer where an earlier run has made the same';
comment on column reconciliations.error is 'why it ended early; what was found until then is kept. No personal data';

-- One row a connection. Asking takes minutes, so no lock is held: the lease ends by itself if its holder dies.
create table reconcile_leases (
    connection_id uuid primary key references connections (id) on delete cascade,
    holder uuid,
    lease_until timestamptz not null,
    scheduled_at timestamptz
);
comment on table reconcile_leases is 'who is asking about a connection, so that two processes never do at once';
comment on column reconcile_leases.holder is 'the run in reconciliations; null: nobody';
comment on column reconcile_leases.scheduled_at is 'when the last scheduled run began';

-- What one call may write, and how many numbers a source may ask about.

create table live_writes (
    tenant_id uuid not null,
    connection_id uuid not null,
    call_ref text collate "C" not null,
    since timestamptz not null,
    writing text collate "C" not null,
    writes integer not null,
    at timestamptz not null,
    primary key (tenant_id, connection_id, call_ref, since, writing)
);
comment on table live_writes is 'how often functions wrote: of a call; of a source in an hour, for requests that name no call; of a tenant in a day, for numbers that nobody vouches for. One row is the count and the lock, so that requests side by side do not exceed what is allowed';
comment on column live_writes.connection_id is 'the source; nought for the counts of a tenant';
comment on column live_writes.call_ref is 'the platform''s id of the call; empty for counts of a source or a tenant';
comment on column live_writes.since is 'when the hour or the day began; for a call the beginning of all time';
create index live_writes_at_idx on live_writes (at);

create table live_lookups (
    minute timestamptz not null,
    connection_id uuid not null,
    numbers bigint not null,
    new_numbers bigint not null,
    held_back bigint not null,
    primary key (minute, connection_id)
);
comment on table live_lookups is 'numbers that a source asked about by minute: all of them, those that nobody knew, and questions that were answered as if nobody knew, because there were too many';

-- Who sends, to whom it belongs, and who may look: tenants, connections, numbers, agents, campaigns, tokens.

-- A time-ordered id (RFC 9562, version 7) for rows that people insert by hand. The program makes its own.
-- Time-ordered keys keep the index's hot end small: random ones were a third slower to insert.
create function uuid_v7() returns uuid language sql volatile parallel safe as $$
    select encode(
        set_bit(set_bit(
            overlay(uuid_send(gen_random_uuid())
                    placing substring(int8send((extract(epoch from clock_timestamp()) * 1000)::bigint) from 3)
                    from 1 for 6),
            52, 1), 53, 1),
        'hex')::uuid
$$;

create table tenants (
    id uuid primary key default uuid_v7(),
    slug text not null unique check (slug ~ '^[a-z0-9][a-z0-9_-]{0,62}$'),
    name text not null,
    region text check (region ~ '^[A-Z]{2}$'),
    outreach_delay interval,
    created_at timestamptz not null default now()
);
comment on column tenants.region is 'ISO 3166 code that national phone numbers are read in; null means [phones] default_region';
comment on column tenants.outreach_delay is 'wait between a missed call and the first message; null means [outreach] delay';

create table campaigns (
    id uuid primary key default uuid_v7(),
    tenant_id uuid not null references tenants (id),
    name text not null,
    created_at timestamptz not null default now(),
    unique (tenant_id, name)
);

create table connections (
    id uuid primary key default uuid_v7(),
    tenant_id uuid references tenants (id),
    provider text not null,
    slug text not null check (slug ~ '^[A-Za-z0-9][A-Za-z0-9_-]{0,127}$'),
    allow_unsigned boolean not null default false,
    url_is_secret boolean not null default false,
    is_default boolean not null default false,
    header_name text,
    header_value text,
    allowed_addresses text[] not null default '{}',
    region text check (region ~ '^[A-Z]{2}$'),
    disabled_at timestamptz,
    created_at timestamptz not null default now(),
    unique (provider, slug),
    check ((header_name is null) = (header_value is null))
);
comment on table connections is 'one sender of one tenant; a null tenant means shared: the called number or the agent tells the tenant';
comment on column connections.allow_unsigned is 'accept requests that prove nothing; doctor warns';
comment on column connections.url_is_secret is 'the slug is unguessable and is itself the proof (platforms that sign nothing)';
create unique index connections_default_idx on connections (provider) where is_default;

create table connection_secrets (
    id uuid primary key default uuid_v7(),
    connection_id uuid not null references connections (id) on delete cascade,
    secret text not null check (secret <> ''),
    created_at timestamptz not null default now(),
    expires_at timestamptz,
    last_used_at timestamptz
);
create index connection_secrets_connection_idx on connection_secrets (connection_id);

create table phone_numbers (
    number text primary key check (number ~ '^\+[0-9]{4,15}$'),
    tenant_id uuid not null references tenants (id),
    campaign_id uuid references campaigns (id),
    label text,
    created_at timestamptz not null default now()
);
comment on table phone_numbers is 'numbers that belong to us, in E.164: number to tenant and campaign';

create table agents (
    provider text not null,
    provider_agent_id text not null,
    tenant_id uuid not null references tenants (id),
    campaign_id uuid references campaigns (id),
    name text,
    created_at timestamptz not null default now(),
    primary key (provider, provider_agent_id)
);

create table api_tokens (
    id uuid primary key default uuid_v7(),
    tenant_id uuid references tenants (id),
    label text not null default '',
    role text not null check (role in ('viewer', 'agent', 'operator', 'admin')),
    digest bytea not null unique,
    expires_at timestamptz,
    last_used_at timestamptz,
    created_at timestamptz not null default now()
);
comment on column api_tokens.digest is 'SHA-256 of the token; the token itself is shown once and never stored';

create table operator_log (
    id uuid primary key default uuid_v7(),
    at timestamptz not null default now(),
    actor text not null,
    action text not null,
    row_count bigint not null,
    details jsonb not null default '{}'
);

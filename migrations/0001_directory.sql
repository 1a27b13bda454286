-- Who sends, to whom it belongs, and who may look: tenants, connections, numbers, agents, campaigns, tokens.

-- A time-ordered id (RFC 9562, version 7) for rows that people insert by hand. The program makes its own.
-- Time-ordered keys keep the index's hot end small: random ones were a third slower to insert.
--
-- What a function names must be found whoever calls it, under whatever search_path: pg_restore, replication and a plain
-- `update public.webhook_events …` set none. A function in SQL has a body of the form `return …`, which is bound to what it
-- names when it is made, and can still be inlined; every other one pins the path (`set search_path from current`, and
-- `migrate` pins it anew where the schema has got another name).
create function uuid_v7() returns uuid language sql volatile parallel safe
return encode(
    set_bit(set_bit(
        overlay(uuid_send(gen_random_uuid())
                placing substring(int8send((extract(epoch from clock_timestamp()) * 1000)::bigint) from 3)
                from 1 for 6),
        52, 1), 53, 1),
    'hex')::uuid;

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
    constraint connections_header_is_whole check ((header_name is null) = (header_value is null))
);
comment on table connections is 'one sender of one tenant; a null tenant means shared: the called number or the agent tells the tenant';
comment on column connections.allow_unsigned is 'store webhooks without verification; live requests are never answered so; doctor warns';
comment on column connections.url_is_secret is 'a token in the URL verifies (platforms that sign nothing); its digest is in source_tokens';
create unique index connections_default_idx on connections (provider) where is_default;

create table connection_secrets (
    id uuid primary key default uuid_v7(),
    connection_id uuid not null references connections (id) on delete cascade,
    secret text not null check (secret <> ''),
    created_at timestamptz not null default now(),
    expires_at timestamptz,
    ends_unreplaced boolean not null default false,
    is_temporary boolean not null default false,
    last_used_at timestamptz,
    constraint connection_secrets_temporary_ends check (not is_temporary or (expires_at is not null and last_used_at is null))
);
comment on column connection_secrets.secret is 'sealed under a master key: v1.<id of the key>.<base64url>';
comment on column connection_secrets.ends_unreplaced is 'ends at expires_at even if no newer one has verified anything: somebody said so';
comment on column connection_secrets.is_temporary is 'made to sign samples with, and removed afterwards: what it verifies says nothing of the platform, so its use is not noted';
comment on column connections.header_value is 'sealed, as connection_secrets.secret is';
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
    created_at timestamptz not null default now(),
    last_change_at timestamptz
);
comment on column api_tokens.last_change_at is 'when it changed something last: until a standby has that, its holder reads from the primary';
comment on column api_tokens.digest is 'keyed digest of the token; the token itself is shown once and never stored';

create table operator_log (
    id uuid primary key default uuid_v7(),
    at timestamptz not null default now(),
    actor text not null,
    tenant_id uuid,
    address text,
    action text not null,
    row_count bigint not null,
    operation_id uuid,
    details jsonb not null default '{}'
);
comment on table operator_log is 'every change that somebody made, and every look at a person: one line in the transaction of the change; lines are added and never changed';
comment on column operator_log.at is 'when the transaction began';
comment on column operator_log.actor is 'token <id>, user <id>, cli (the command line), psql, nobody (a request that proved nothing), or the part of the program that acts by its schedule';
comment on column operator_log.tenant_id is 'the tenant whose change it was; null: the whole installation. No reference: a line outlives what it names';
comment on column operator_log.address is 'the address that the request came from, without trusted proxies; null: the command line, or the program itself';
comment on column operator_log.action is 'a word of src/store/operator_log/action.rs';
comment on column operator_log.row_count is 'how many rows were changed, or shown';
comment on column operator_log.operation_id is 'the line of the first step, of an operation that takes several transactions; its rows are those of all its lines. null: an operation of one step, or its first';
comment on column operator_log.details is 'ids and words of our own; never a secret, a whole telephone number, or a name or an address of a person';
-- The audit page, newest first: of all, of one actor, of one action, of one tenant, of one subject.
create index operator_log_at_idx on operator_log (at, id);
create index operator_log_by_actor_idx on operator_log (actor, at, id);
create index operator_log_by_action_idx on operator_log (action, at, id);
create index operator_log_by_tenant_idx on operator_log (tenant_id, at, id);
create index operator_log_by_operation_idx on operator_log (operation_id) where operation_id is not null;
create index operator_log_by_detail_idx on operator_log using gin (details);

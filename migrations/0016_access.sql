-- Who may look and who may act: users, sessions, limits on logging in, and what makes a repeated write harmless.

create table users (
    id uuid primary key default uuid_v7(),
    tenant_id uuid references tenants (id),
    login text collate "C" not null unique,
    password_hash text,
    role text not null check (role in ('viewer', 'agent', 'operator', 'admin')),
    second_factor_required boolean not null default false,
    created_at timestamptz not null default now(),
    last_used_at timestamptz,
    oidc_issuer text,
    oidc_subject text,
    last_change_at timestamptz,
    unique (oidc_issuer, oidc_subject),
    constraint users_oidc_is_whole check (num_nulls(oidc_issuer, oidc_subject) in (0, 2)),
    constraint users_oidc_without_password check (oidc_issuer is null or password_hash is null),
    constraint users_login_form check (login ~ '^[a-z0-9][a-z0-9._@+-]{0,99}$' or oidc_issuer is not null and length(login) between 3 and 254)
);
comment on column users.second_factor_required is 'an admin obliges them: without one they come only as far as setting it up';
comment on column users.oidc_issuer is 'the identity provider that they sign in with; null: by password';
comment on column users.oidc_subject is 'who they are to that provider, for ever; their login is the address that it verified last';
comment on column users.last_change_at is 'when they changed something last: until a standby has that, they read from the primary';
comment on column users.tenant_id is 'the one tenant that they may see; null: all';
comment on column users.password_hash is 'argon2id, as a PHC string; null: they sign in by another way only';

create table sessions (
    digest bytea primary key,
    id uuid not null unique default uuid_v7(),
    token_id uuid references api_tokens (id) on delete cascade,
    user_id uuid references users (id) on delete cascade,
    method text not null check (method in ('token', 'password', 'external')),
    address inet,
    browser text,
    created_at timestamptz not null default now(),
    last_used_at timestamptz not null default now(),
    expires_at timestamptz not null,
    constraint sessions_one_owner check (num_nonnulls(token_id, user_id) = 1)
);
create index sessions_user_idx on sessions (user_id);
comment on table sessions is 'role and tenant are those of the token or user behind it, at this moment: who is taken away is out at once';
comment on column sessions.digest is 'keyed digest of the random id in the cookie; the id itself is not kept';
comment on column sessions.id is 'by which its owner ends it; it opens nothing';
comment on column sessions.method is 'how its holder signed in';
comment on column sessions.address is 'where it began';
comment on column sessions.browser is 'the browser and the system in a few words';

create table idempotency_keys (
    principal_id uuid not null,
    key_digest bytea not null,
    request_digest bytea not null,
    claimed_at timestamptz not null default now(),
    created_at timestamptz not null default now(),
    status smallint,
    body text,
    primary key (principal_id, key_digest)
);
comment on table idempotency_keys is 'answers to writes, kept for a day, so that a repeated request is answered and not done again';
comment on column idempotency_keys.request_digest is 'keyed digest of the client''s key and the request: nobody finds out what was asked by trying';
comment on column idempotency_keys.status is 'null: still being done';
comment on column idempotency_keys.body is 'secrets that are shown once are not in it';
create index idempotency_keys_age_idx on idempotency_keys (created_at);

-- Revealing is logged once an hour for each person and subject.
create index operator_log_actor_idx on operator_log (actor, action, at);

-- Lists, newest first. Neither table is written as often as calls.
create index messages_recent_idx on messages (tenant_id, sent_at desc nulls last, id);
create index lead_analytics_recent_idx on lead_analytics (tenant_id, id);
create index jobs_tenant_idx on jobs (tenant_id, id);
create index incidents_opened_idx on incidents (opened_at desc, id);

-- A call as people read it: what was set by hand preferred.
create view call_items as
    select c.id, c.tenant_id, c.provider, c.provider_call_id, c.direction::text, c.status::text, c.disposition::text,
           c.provider_status, c.contact_number, c.our_number, c.from_number, c.from_raw, c.to_number, c.to_raw,
           c.agent_id, c.agent_name, coalesce(c.campaign_id_by_hand, c.campaign_id) as campaign_id,
           c.started_at, c.answered_at, c.ended_at, c.duration_ms, c.talk_ms, c.summary, c.sentiment::text,
           c.successful, c.converted_by_hand as converted, c.recording_url, c.transcript is not null as has_transcript,
           coalesce(c.direction = 'inbound' and c.status = 'ended' and c.answered_at is null
                    and coalesce(c.disposition, 'no_answer') <> 'answered', false) as is_missed,
           coalesce(c.status = 'ended' and c.disposition is null and c.answered_at is null
                    or c.sentiment = 'negative' and c.converted_by_hand is null, false) as needs_review
    from calls c;
comment on view call_items is 'calls as people list them; needs_review: ended in an unknown way, or somebody was unhappy and nobody has decided whether it was a success';

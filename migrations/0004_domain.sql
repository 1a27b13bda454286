-- What the events mean: calls, leads, analytics, recordings, messages.
--
-- Every column merges by a rule that is commutative, associative and idempotent, so that events may come in any
-- order, any number of times. The rules, by the first word of each column's comment:
--   key       part of the identity; never changes
--   greatest  the larger known value (null is smaller than anything)
--   least     the smaller known value (null is larger than anything)
--   ranked    wins or loses together with its group: the larger <group>_rank takes all columns of the group.
--             A rank is weight (a final report beats a partial one), time in ms, digest of the value; as text, so
--             that Rust and SQL compare it alike.
--   hand      set by people, never by an event, and always preferred to what was derived
-- domain/*.rs `fold` and the ON CONFLICT clauses in sql/store/ are the same functions; tests/suite/merge.rs holds
-- them together. Ids are digests of the key (UUID version 5), so a row has the same id in every order.
--
-- The id alone is unique in calls, leads and messages: it is the digest of the key. A second unique index over the key
-- would make two writers that meet fail on it, since ON CONFLICT watches one index only.
--
-- No foreign keys from these tables to tenants: checking one locks the tenant's row once for every event, and
-- the tenant of an event comes from connections, phone_numbers or agents, which have them.

create type call_direction as enum ('inbound', 'outbound', 'internal');
create type call_status as enum ('scheduled', 'queued', 'initiated', 'ringing', 'in_progress', 'ended');
create type call_disposition as enum
    ('no_answer', 'busy', 'canceled', 'failed', 'voicemail', 'answered');
create type sentiment as enum ('unknown', 'negative', 'neutral', 'positive');
create type lead_stage as enum ('new', 'contacted', 'engaged', 'qualified', 'won', 'lost');
create type message_status as enum ('pending', 'sent', 'delivered', 'read', 'failed', 'received');

create table calls (
    id uuid primary key,
    tenant_id uuid not null,
    campaign_rank text collate "C",
    campaign_id uuid generated always as (substr(campaign_rank, 3)::uuid) stored,
    campaign_id_by_hand uuid references campaigns (id),
    initiated_at timestamptz,
    ringing_at timestamptz,
    answered_at timestamptz,
    ended_at timestamptz,
    started_at timestamptz generated always as (coalesce(initiated_at, ringing_at, answered_at, ended_at)) stored,
    created_at timestamptz not null default now(),
    converted_by_hand boolean,
    marks smallint,
    direction call_direction,
    status call_status,
    disposition call_disposition,
    provider text not null,
    provider_call_id text not null,
    parent_call_id text collate "C",
    provider_status text,
    provider_status_rank text collate "C",
    from_raw text collate "C",
    from_number text collate "C",
    to_raw text collate "C",
    to_number text collate "C",
    our_number text collate "C",
    contact_number text collate "C",
    agent_id text collate "C",
    agent_name text collate "C",
    duration_ms bigint,
    talk_ms bigint,
    duration_rank text collate "C",
    hangup_at timestamptz,
    hangup_by text,
    hangup_reason text,
    hangup_rank text collate "C",
    recording_at timestamptz,
    recording_url text,
    recording_rank text collate "C",
    transcript_at timestamptz,
    transcript text,
    transcript_turns jsonb,
    transcript_rank text collate "C",
    analysis_at timestamptz,
    summary text,
    sentiment sentiment,
    successful boolean,
    analysis jsonb,
    analysis_rank text collate "C",
    cost_at timestamptz,
    cost double precision,
    cost_unit text,
    cost_rank text collate "C"
) with (fillfactor = 85);

comment on column calls.id is 'key: digest of tenant, provider and provider call id';
comment on column calls.tenant_id is 'key: from the connection, or for a shared one from the called number or the agent';
comment on column calls.provider is 'key: dialpad, voicenter, retell, bolna, elevenlabs';
comment on column calls.provider_call_id is 'key: the platform''s id; a retry of a Bolna execution is id#retry-count, a Voicenter click-to-call leg id#leg';
comment on column calls.campaign_rank is 'greatest: 2: and the campaign of the called number, else 1: and that of the agent; kept with the event when first processed';
comment on column calls.campaign_id is 'derived from campaign_rank';
comment on column calls.campaign_id_by_hand is 'hand';
comment on column calls.converted_by_hand is 'hand';
-- A trigger for each row costs more than writing the row. What our statement leaves beside calls (0018_overview.sql,
-- 0022_words_later.sql) it leaves for all of them at once, and says so here; the triggers serve rows written in any other way.
comment on column calls.marks is 'bookkeeping of sql/store/upsert_calls.sql: 1 words to parse, 2 numbers to add up anew, 4 turns at each write; never merged';
comment on column calls.initiated_at is 'least';
comment on column calls.ringing_at is 'least';
comment on column calls.answered_at is 'least';
comment on column calls.ended_at is 'greatest';
comment on column calls.started_at is 'derived from the four times';
comment on column calls.created_at is 'when the row was first written; never merged';
comment on column calls.direction is 'greatest, in the order of the enum';
comment on column calls.status is 'greatest, in the order of the enum: a call never goes back';
comment on column calls.disposition is 'greatest, in the order of the enum: answered beats everything';
comment on column calls.parent_call_id is 'greatest: the leg''s entry point or master call, by the platform';
comment on column calls.provider_status is 'ranked provider_status: the platform''s own word; weight is the status';
comment on column calls.provider_status_rank is 'ranked provider_status';
comment on column calls.from_raw is 'greatest: as the platform wrote it';
comment on column calls.from_number is 'greatest: E.164, null where it is no telephone number';
comment on column calls.to_raw is 'greatest: as the platform wrote it';
comment on column calls.to_number is 'greatest: E.164, null where it is no telephone number';
comment on column calls.our_number is 'greatest: our side, E.164; what campaigns go by';
comment on column calls.contact_number is 'greatest: their side, E.164; the lead';
comment on column calls.agent_id is 'greatest: the platform''s id of the voice agent or the person';
comment on column calls.agent_name is 'greatest';
comment on column calls.duration_ms is 'ranked duration: the whole call, milliseconds';
comment on column calls.talk_ms is 'ranked duration: the conversation, milliseconds';
comment on column calls.duration_rank is 'ranked duration';
comment on column calls.hangup_at is 'ranked hangup';
comment on column calls.hangup_by is 'ranked hangup';
comment on column calls.hangup_reason is 'ranked hangup: the platform''s own word';
comment on column calls.hangup_rank is 'ranked hangup';
comment on column calls.recording_at is 'ranked recording';
comment on column calls.recording_url is 'ranked recording: the newest; table recordings has all';
comment on column calls.recording_rank is 'ranked recording';
comment on column calls.transcript_at is 'ranked transcript';
comment on column calls.transcript is 'ranked transcript: plain text';
comment on column calls.transcript_turns is 'ranked transcript: [{role, text, at_ms}]';
comment on column calls.transcript_rank is 'ranked transcript; weight: 1 partial, 2 whole';
comment on column calls.analysis_at is 'ranked analysis';
comment on column calls.summary is 'ranked analysis';
comment on column calls.sentiment is 'ranked analysis';
comment on column calls.successful is 'ranked analysis';
comment on column calls.analysis is 'ranked analysis: what the platform extracted';
comment on column calls.analysis_rank is 'ranked analysis';
comment on column calls.cost_at is 'ranked cost';
comment on column calls.cost is 'ranked cost: what the platform charged';
comment on column calls.cost_unit is 'ranked cost: usd_cents, ils_agorot, credits';
comment on column calls.cost_rank is 'ranked cost';

create index calls_key_idx on calls (provider_call_id, provider, tenant_id);
create index calls_recent_idx on calls (tenant_id, started_at desc nulls last, id);
create index calls_contact_idx on calls (tenant_id, contact_number) where contact_number is not null;

create table leads (
    id uuid primary key,
    tenant_id uuid not null,
    phone text collate "C" not null,
    first_seen_at timestamptz,
    created_at timestamptz not null default now(),
    stage lead_stage not null default 'new',
    stage_by_hand lead_stage,
    name text,
    name_rank text collate "C",
    name_by_hand text,
    email text,
    email_rank text collate "C",
    email_by_hand text,
    source text collate "C",
    source_rank text collate "C",
    profile jsonb,
    profile_rank text collate "C",
    crm_link text,
    tags text[] not null default '{}'
);
create index leads_key_idx on leads (tenant_id, phone);
comment on column leads.id is 'key: digest of tenant and phone';
comment on column leads.tenant_id is 'key';
comment on column leads.phone is 'key: E.164';
comment on column leads.first_seen_at is 'least: the earliest call, message or contact event';
comment on column leads.created_at is 'when the row was first written; never merged';
comment on column leads.stage is 'greatest, in the order of the enum';
comment on column leads.stage_by_hand is 'hand';
comment on column leads.name is 'ranked name; weight: 1 caller id, 2 said in a call, 3 address book';
comment on column leads.name_rank is 'ranked name';
comment on column leads.name_by_hand is 'hand';
comment on column leads.email is 'ranked email; weight as for name';
comment on column leads.email_rank is 'ranked email';
comment on column leads.email_by_hand is 'hand';
comment on column leads.source is 'least by source_rank: the platform of the first contact';
comment on column leads.source_rank is 'least';
comment on column leads.profile is 'ranked profile: behaviour profile';
comment on column leads.profile_rank is 'ranked profile';
comment on column leads.crm_link is 'hand';
comment on column leads.tags is 'hand';

create table lead_analytics (
    id uuid primary key default uuid_v7(),
    tenant_id uuid not null,
    kind text not null check (kind in ('individual', 'complete')),
    call_id uuid,
    phone text collate "C",
    source text,
    analysed_at timestamptz,
    summary text,
    sentiment sentiment,
    successful boolean,
    score double precision,
    data jsonb,
    rank text collate "C" not null,
    created_at timestamptz not null default now(),
    constraint lead_analytics_subject_by_kind check (case kind when 'individual' then call_id is not null else phone is not null end)
);
comment on table lead_analytics is 'all columns but the key are one ranked group; individual: one a call; complete: one a person';
create unique index lead_analytics_individual_idx on lead_analytics (call_id) where kind = 'individual';
create unique index lead_analytics_complete_idx on lead_analytics (tenant_id, phone) where kind = 'complete';

create table recordings (
    id uuid primary key,
    tenant_id uuid,
    call_id uuid,
    kind text collate "C",
    url text collate "C",
    duration_ms bigint,
    started_at timestamptz,
    audio bytea,
    audio_type text collate "C",
    audio_sha256 text collate "C",
    created_at timestamptz not null default now()
);
comment on table recordings is 'every recording of a call; audio that came in a webhook is kept here by the door, before its event is processed';
comment on column recordings.id is 'key: digest of the call and the url or the platform''s recording id; of the event for audio';
comment on column recordings.tenant_id is 'greatest';
comment on column recordings.call_id is 'greatest';
comment on column recordings.kind is 'greatest: call, voicemail, admin';
comment on column recordings.url is 'greatest';
comment on column recordings.duration_ms is 'greatest: milliseconds';
comment on column recordings.started_at is 'least';
comment on column recordings.audio is 'written once, at the door';
comment on column recordings.audio_type is 'written once, with the audio: its media type';
comment on column recordings.audio_sha256 is 'written once, with the audio';
comment on column recordings.created_at is 'when the row was made';
alter table recordings alter column audio set storage external;
create index recordings_call_idx on recordings (call_id) where call_id is not null;

create table messages (
    id uuid primary key,
    tenant_id uuid not null,
    provider text not null,
    provider_message_id text not null,
    channel text collate "C" not null,
    direction text collate "C" not null check (direction in ('inbound', 'outbound')),
    from_number text collate "C",
    to_number text collate "C",
    contact_number text collate "C",
    body text,
    body_rank text collate "C",
    status message_status,
    error text collate "C",
    sent_at timestamptz,
    created_at timestamptz not null default now()
);
create index messages_key_idx on messages (provider_message_id, provider, tenant_id);
comment on column messages.id is 'key: digest of tenant, provider and provider message id';
comment on column messages.tenant_id is 'key';
comment on column messages.provider is 'key';
comment on column messages.provider_message_id is 'key';
comment on column messages.channel is 'greatest: sms, whatsapp';
comment on column messages.direction is 'greatest';
comment on column messages.from_number is 'greatest: E.164, or as written where it is no telephone number';
comment on column messages.to_number is 'greatest: E.164, or as written where it is no telephone number';
comment on column messages.contact_number is 'greatest: their side, E.164; the lead';
comment on column messages.body is 'ranked body';
comment on column messages.body_rank is 'ranked body';
comment on column messages.status is 'greatest, in the order of the enum';
comment on column messages.error is 'greatest: the platform''s own word';
comment on column messages.sent_at is 'least';
comment on column messages.created_at is 'when the row was made';
create index messages_contact_idx on messages (tenant_id, contact_number) where contact_number is not null;

create view missed_calls as
    select id, tenant_id, provider, provider_call_id, coalesce(campaign_id_by_hand, campaign_id) as campaign_id,
           started_at, ended_at, contact_number, our_number, disposition, provider_status
    from calls
    where direction = 'inbound' and status = 'ended' and answered_at is null
      and coalesce(disposition, 'no_answer') <> 'answered';
comment on view missed_calls is 'inbound calls that ended and that nobody answered; voicemail counts as missed';

create view lead_facts as
    select l.id, l.tenant_id, l.phone, coalesce(l.name_by_hand, l.name) as name,
           coalesce(l.email_by_hand, l.email) as email, coalesce(l.stage_by_hand, l.stage) as stage,
           l.source, l.first_seen_at, c.calls, c.missed, c.last_call_at
    from leads l
    cross join lateral (
        select count(*) as calls,
               count(*) filter (where direction = 'inbound' and status = 'ended' and answered_at is null
                                and coalesce(disposition, 'no_answer') <> 'answered') as missed,
               max(started_at) as last_call_at
        from calls where calls.tenant_id = l.tenant_id and calls.contact_number = l.phone
    ) c;
comment on view lead_facts is 'leads as people read them: what was set by hand preferred, counts taken from calls';

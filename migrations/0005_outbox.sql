-- The outbox at work: claims and fences, pauses, outreach, caps, and where results come back.

alter table jobs
    add column claims integer not null default 0,
    add column alive_until timestamptz,
    add column waiting_since timestamptz,
    add column sending_at timestamptz,
    add column unknown_outcomes integer not null default 0,
    add column note text,
    add column preview text;
comment on column jobs.attempts is 'failed attempts; waiting because a vendor asked for it spends none';
comment on column jobs.claims is 'the fence: who claimed it last may settle it, nobody else';
comment on column jobs.alive_until is 'who claimed it is taken to live until then, and says so again and again while it works; after that the job counts against no limit, and is another''s if nothing was sent';
comment on column jobs.waiting_since is 'first claimed; a job is given up by its age from then on';
comment on column jobs.sending_at is 'set just before a vendor is asked to do what cannot be taken back; found set by the next claim, the outcome of the attempt before is unknown';
comment on column jobs.unknown_outcomes is 'attempts of which nobody knows whether the vendor did it';
comment on column jobs.note is 'what a person should know: why it was skipped or cancelled, what was done';
comment on column jobs.preview is 'what would have been sent, masked, where no credentials are configured';

-- Claims go kind by kind and tenant by tenant, so that nobody's backlog stands before another's.
drop index jobs_due_idx;
create index jobs_due_idx on jobs (kind, tenant_id, due_at, id) where settled_at is null;
create index jobs_dead_idx on jobs (id) where outcome = 'dead';

create table job_pauses (
    kind text primary key,
    reason text not null,
    paused_at timestamptz not null default now()
);
comment on table job_pauses is 'kinds of jobs that are not claimed until somebody resumes them';

alter table tenants
    add column time_zone text,
    add column settings jsonb not null default '{}' check (jsonb_typeof(settings) = 'object');
comment on column tenants.time_zone is 'IANA name; null means [outreach] time_zone';
comment on column tenants.settings is 'what differs from config.toml: {"outreach": …, "integrations": …, "analysis": …}';

alter table phone_numbers add column sender text;
comment on column phone_numbers.sender is 'WhatsApp phone_number_id that answers for this number; null means the configured one';

create table outreaches (
    id uuid primary key default uuid_v7(),
    tenant_id uuid not null,
    lead_id uuid not null,
    call_id uuid not null,
    job_id uuid not null,
    started_at timestamptz not null,
    ended_at timestamptz,
    end_reason text
);
comment on table outreaches is 'the messages after a missed call: from the first to the last reminder, a reply, or an answered call';
-- However many calls were missed and however many processes look: one person, one outreach.
create unique index outreaches_open_idx on outreaches (tenant_id, lead_id) where ended_at is null;

create table allowances (
    tenant_id uuid not null,
    subject text not null,
    day date not null,
    used numeric not null,
    primary key (tenant_id, subject, day)
);
comment on table allowances is 'daily caps and budgets: taken before a vendor is asked, given back where it was certainly not done';

alter table calls add column completed_at timestamptz;
comment on column calls.completed_at is 'least: when our own analysis of the call was there';

-- Results come back as events of provider switchhook; no request from outside ever reaches this connection.
insert into connections (id, provider, slug, tenant_id, disabled_at)
values ('00000000-0000-7000-8000-000000000001', 'switchhook', 'results', null, now())
on conflict do nothing;

-- Rows that migrations make have ids of their own, the same everywhere, and give way to their restored copies: a dump's data
-- go into a database that was migrated and nothing else.
create function give_way_to_restored() returns trigger language plpgsql set search_path from current as $$
begin
    execute format('delete from %I.%I where id = $1', tg_table_schema, tg_table_name) using new.id;
    return new;
end $$;
create trigger connections_give_way before insert on connections
    for each row when (new.id = '00000000-0000-7000-8000-000000000001') execute function give_way_to_restored();

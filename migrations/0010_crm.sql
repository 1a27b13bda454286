-- The CRM: what was found there and told there, and who is to be told of next.

-- Copied from the configuration by the program, so that what writes leads can ask whether anybody is to be told.
create table crm_tenants (
    tenant_id uuid primary key references tenants (id),
    push_delay interval not null
);
comment on table crm_tenants is 'tenants with a CRM: derived from configuration and settings';

-- Leads that somebody wrote to since they were last compared with what the CRM was told. Whoever touches one that is
-- here already locks its row, so that it cannot be taken off between their writing and their commit.
create table crm_queue (
    lead_id uuid primary key,
    tenant_id uuid not null,
    is_forced boolean not null default false
);
comment on column crm_queue.is_forced is 'a person asked: tell the CRM even if nothing changed, and over what differs there';

create table crm_links (
    lead_id uuid primary key,
    tenant_id uuid not null,
    pushes integer not null default 0,
    asked_digest bytea,
    module text check (module in ('lead', 'contact')),
    record_id text,
    pushed jsonb not null default '{}',
    linked_at timestamptz,
    pushed_at timestamptz,
    looked_at timestamptz,
    differs text[] not null default '{}',
    constraint crm_links_record_has_module check ((record_id is null) = (module is null))
);
comment on table crm_links is 'one row a lead that a CRM was, or is to be, told of';
comment on column crm_links.pushes is 'jobs push_to_crm put up for it so far: the last one has the key lead_id:pushes';
comment on column crm_links.asked_digest is 'what the lead looked like when the last job was put up or done: a replay finds it the same, and puts up none';
comment on column crm_links.record_id is 'the CRM''s id of the record; null: none was found yet';
comment on column crm_links.pushed is 'digests of the values that both sides agreed upon last, by field: who differs from them has changed something since';
comment on column crm_links.differs is 'fields in which the CRM and we differ and somebody must decide; record_gone, other_record, several_records';
create index crm_links_differ_idx on crm_links (tenant_id, looked_at) where differs <> '{}';

-- What people set by hand, in plain SQL, is told too. Events never write these columns.
create function crm_touch() returns trigger language plpgsql set search_path from current as $$
begin
    insert into crm_queue as q (lead_id, tenant_id)
    select new.id, new.tenant_id from crm_tenants t where t.tenant_id = new.tenant_id
    on conflict (lead_id) do update set tenant_id = q.tenant_id;
    return null;
end $$;
create trigger leads_by_hand after update of name_by_hand, email_by_hand, stage_by_hand on leads
    for each row
    when ((old.name_by_hand, old.email_by_hand, old.stage_by_hand)
          is distinct from (new.name_by_hand, new.email_by_hand, new.stage_by_hand))
    execute function crm_touch();

-- A lead as a CRM is told of it.
create view crm_cards as
    select l.id as lead_id, l.tenant_id, l.phone,
           coalesce(l.name_by_hand, l.name) as name, l.name_by_hand is not null as name_is_by_hand,
           coalesce(l.email_by_hand, l.email) as email, l.email_by_hand is not null as email_is_by_hand,
           coalesce(l.stage_by_hand, l.stage) as stage, l.stage_by_hand is not null as stage_is_by_hand,
           f.score, f.last_call_at,
           sha256(convert_to(jsonb_build_array(
               coalesce(l.name_by_hand, l.name), coalesce(l.email_by_hand, l.email),
               coalesce(l.stage_by_hand, l.stage), f.score, extract(epoch from f.last_call_at))::text, 'UTF8')) as digest
    from leads l
    cross join lateral (
        select coalesce(
                   (select round(a.score)::integer from lead_analytics a
                    where a.tenant_id = l.tenant_id and a.phone = l.phone and a.kind = 'complete'),
                   (select round(a.score)::integer from calls c
                    join lead_analytics a on a.call_id = c.id and a.kind = 'individual'
                    where c.tenant_id = l.tenant_id and c.contact_number = l.phone and a.score is not null
                    order by a.analysed_at desc nulls last, c.id limit 1)) as score,
               (select max(c.started_at) from calls c
                where c.tenant_id = l.tenant_id and c.contact_number = l.phone) as last_call_at
    ) f;
comment on view crm_cards is 'leads as a CRM is told of them: what was set by hand preferred; the digest says whether anything of it changed';

-- One row an account, shared by all processes: Zoho gives out ten tokens in ten minutes.
create table oauth_tokens (
    account bytea primary key,
    token text,
    expires_at timestamptz,
    refreshing_until timestamptz,
    throttled_until timestamptz
);
revoke all on oauth_tokens from public;
comment on table oauth_tokens is 'access tokens of vendors; they end by themselves within the hour';
comment on column oauth_tokens.account is 'keyed digest of the credentials that the token was made of';
comment on column oauth_tokens.token is 'the access token and where it counts, as JSON, sealed under a master key';
comment on column oauth_tokens.refreshing_until is 'a process makes a new one; the others wait until then';

comment on column leads.name is 'ranked name; weight: 1 caller id, 2 said in a call, 3 address book, 4 the CRM';
comment on column leads.email is 'ranked email; weight as for name';
comment on column tenants.settings is 'what differs from config.toml: {"outreach": …, "integrations": …, "analysis": …, "alerts": …, "crm": …}';

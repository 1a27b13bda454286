-- What goes away: old data by rule, and people who ask to be forgotten.

create table retention_rules (
    id uuid primary key default uuid_v7(),
    tenant_id uuid references tenants (id),
    kind text not null,
    keep interval check (keep >= interval '1 day'),
    action text not null default 'delete',
    created_at timestamptz not null default now(),
    -- What people said cannot be made anonymous by a machine: it goes, or it stays.
    constraint retention_rules_action_by_kind check (case kind
        when 'payloads' then action = 'delete'
        when 'transcripts' then action = 'delete'
        when 'recordings' then action in ('delete', 'anonymise')
        when 'messages' then action in ('delete', 'anonymise')
        when 'analytics' then action in ('delete', 'anonymise')
        when 'rejections' then action in ('delete', 'anonymise') and tenant_id is null
        else false
    end)
);
comment on table retention_rules is 'how long each kind of data is kept; a tenant''s own rule counts instead of the rule for all';
comment on column retention_rules.tenant_id is 'null: every tenant that has no rule of its own for this kind';
comment on column retention_rules.keep is 'null: for ever';
create unique index retention_rules_key_idx
    on retention_rules (kind, coalesce(tenant_id, '00000000-0000-0000-0000-000000000000'::uuid));

-- Refused requests hold addresses, and anybody can make them. `switchhook retention set` changes the rule, `unset` takes
-- it away.
insert into retention_rules (id, tenant_id, kind, keep)
values ('00000000-0000-7000-8000-000000000002', null, 'rejections', interval '30 days')
on conflict do nothing;
create trigger retention_rules_give_way before insert on retention_rules
    for each row when (new.id = '00000000-0000-7000-8000-000000000002') execute function give_way_to_restored();

create function retention_covers(rule retention_rules, tenant uuid) returns boolean language sql stable
return case
    when rule.tenant_id is not null then tenant is not distinct from rule.tenant_id
    else not exists (select from retention_rules own where own.kind = rule.kind and own.tenant_id = tenant)
end;

alter table webhook_events add column payload_removed_at timestamptz;
comment on column webhook_events.payload_removed_at is 'when retention or erasure took the payload away; the row stays, so that a late duplicate is known for one, and replaying it does nothing';

-- The program's own keys, sealed under a master key that is not in the database. `digest_key` makes ids and digests: a
-- telephone number has so few digits that its plain digest is found by trying all of them. It is made when the program
-- first reaches the database, and never changes.
create table secrets (
    name text primary key,
    value text not null check (value like 'v1.%'),
    created_at timestamptz not null default now()
);
revoke all on secrets from public;
comment on column secrets.value is 'sealed: v1.<id of the master key>.<base64url>';

create table forgotten (
    tenant_id uuid not null references tenants (id),
    phone_digest bytea not null,
    at timestamptz not null default now(),
    primary key (tenant_id, phone_digest)
);
comment on table forgotten is 'people who were erased: what happened before stays away, whenever it is reported';
comment on column forgotten.phone_digest is 'keyed digest of tenant and E.164 number (`digest_key` in secrets)';

alter table calls add column forgotten_at timestamptz;
comment on column calls.forgotten_at is 'written once: whose call it was has been erased; later reports of it are stripped of what is personal';
alter table messages add column forgotten_at timestamptz;
comment on column messages.forgotten_at is 'written once: as for calls';

-- Where a text still stands that fits a pattern: every column that can hold text or a number, of every table in this
-- database that may be read. Rows of tables with a tenant are looked at for these tenants only (null: for all).
create function places_of(pattern text, tenants uuid[]) returns table (place text, row_count bigint)
language plpgsql stable set search_path from current as $$
declare
    found record;
begin
    for found in
        select c.oid, format('%I.%I', n.nspname, c.relname) as name, a.attname,
               exists (select from pg_attribute t where t.attrelid = c.oid and t.attname = 'tenant_id'
                       and t.atttypid = 'uuid'::regtype and not t.attisdropped) as has_tenant
        from pg_class c
        join pg_namespace n on n.oid = c.relnamespace
        join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
        where c.relkind in ('r', 'm') and n.nspname not like 'pg\_%' and n.nspname <> 'information_schema'
          and a.atttypid in ('text'::regtype, 'varchar'::regtype, 'bpchar'::regtype, 'json'::regtype, 'jsonb'::regtype,
                             'xml'::regtype, 'bigint'::regtype, 'numeric'::regtype, 'text[]'::regtype,
                             'varchar[]'::regtype)
          and has_schema_privilege(n.oid, 'usage') and has_table_privilege(c.oid, 'select')
        order by 2, 3
    loop
        execute format('select count(*) from %s where %I::text ~ $1', found.name, found.attname)
             || case when found.has_tenant and tenants is not null then ' and tenant_id = any ($2)' else '' end
        into row_count using pattern, tenants;
        if row_count > 0 then
            place := found.name || '.' || quote_ident(found.attname);
            return next;
        end if;
    end loop;
end $$;

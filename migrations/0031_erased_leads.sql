-- Leads that were deleted, for as long as their erasure may take: operator_log_forget (0030_forget_log.sql) blanks what
-- names these and nothing else. Only the trigger writes here, with the rights of the owner, and neither the role that the
-- program runs as nor the reader sees a row (sql/ops/roles.sql).

create table erased_leads (
    lead_id uuid primary key,
    tenant_id uuid not null,
    phone_digest bytea not null,
    at timestamptz not null default now()
);
revoke all on erased_leads from public;
comment on table erased_leads is 'leads that were deleted and that the operator log has not forgotten yet; it forgets them within minutes, and after a week the next deletion takes away what is left';
comment on column erased_leads.phone_digest is 'SHA-256 of the lead''s id and its number; the number itself is gone';

create index erased_leads_at_idx on erased_leads (at);

-- Row by row: a trigger that reads a transition table cannot run on distributed tables.
create function keep_erased_leads() returns trigger
language plpgsql security definer set search_path from current set enable_seqscan = off as $$
begin
    -- Whoever may make a temporary table could hang this function on it.
    if tg_relid <> 'leads'::regclass then
        raise exception 'only deleted leads are kept' using errcode = 'insufficient_privilege';
    end if;
    delete from erased_leads where at < now() - interval '7 days';
    insert into erased_leads (lead_id, tenant_id, phone_digest)
    values (old.id, old.tenant_id, sha256(convert_to(old.id::text || old.phone, 'UTF8')))
    on conflict (lead_id) do update set at = excluded.at;
    return null;
end $$;
revoke execute on function keep_erased_leads from public;
comment on function keep_erased_leads is 'keeps which leads were deleted, for operator_log_forget';
create trigger leads_erased after delete on leads for each row execute function keep_erased_leads();

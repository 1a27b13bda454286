-- $1 now, $2 seconds since the last look, $3 leads at most
-- Leads that differ are looked at again at intervals: nobody tells us when a person has mended it in the CRM.
insert into jobs (tenant_id, kind, key, payload, due_at)
select l.tenant_id, 'pull_from_crm', l.lead_id || ':' || extract(epoch from l.looked_at)::bigint,
       jsonb_build_object('lead_id', l.lead_id), $1
from crm_links l
join crm_tenants t on t.tenant_id = l.tenant_id
where l.differs <> '{}' and l.looked_at <= $1::timestamptz - make_interval(secs => $2)
order by l.looked_at
limit $3
on conflict do nothing

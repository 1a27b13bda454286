-- $1 tenants, $2 whether also leads whose record is known, $3 what makes this run's jobs new, $4 now
-- One job a lead; leads that are being looked up already get no second one.
insert into jobs (tenant_id, kind, key, payload, due_at)
select l.tenant_id, 'pull_from_crm', l.id || ':' || $3::text, jsonb_build_object('lead_id', l.id), $4
from leads l
left join crm_links k on k.lead_id = l.id
where l.tenant_id = any ($1) and ($2 or k.record_id is null)
  and not exists (select from jobs j where j.kind = 'pull_from_crm' and j.key = l.id::text and j.settled_at is null)
on conflict do nothing

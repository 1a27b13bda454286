-- $1 tenant or null, $2 rows at most: leads that differ from the CRM, the newest first
select l.lead_id, t.slug as tenant, e.phone, l.module as "module?", l.record_id as "record_id?", l.differs as "differs!",
       l.looked_at as "looked_at?"
from crm_links l
join tenants t on t.id = l.tenant_id
join leads e on e.id = l.lead_id
where l.differs <> '{}' and ($1::uuid is null or l.tenant_id = $1)
order by l.looked_at desc, l.lead_id
limit $2

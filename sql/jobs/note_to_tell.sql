-- $1 note, $2 tenant
select n.kind, n.body, n.phone, n.wanted_at, n.unverified, coalesce(l.name_by_hand, l.name) as "name?", t.name as "tenant!"
from lead_notes n
join tenants t on t.id = n.tenant_id
left join leads l on l.tenant_id = n.tenant_id and l.phone = n.phone
where n.id = $1 and n.tenant_id = $2 and n.resolved_at is null

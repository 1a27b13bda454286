-- $1 calls, $2 tenant
select c.id as call_id, l.id as "lead_id?", coalesce(l.name_by_hand, l.name) as person, m.name as "campaign?"
from calls c
left join leads l on l.tenant_id = c.tenant_id and l.phone = c.contact_number
left join campaigns m on m.id = coalesce(c.campaign_id_by_hand, c.campaign_id)
where c.id = any ($1) and c.tenant_id = $2

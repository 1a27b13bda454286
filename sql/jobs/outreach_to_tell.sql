-- $1 outreach, $2 tenant
-- Whom it was to, and how it ended, if it has.
select l.phone, coalesce(l.name_by_hand, l.name) as "name?", t.name as "tenant!", o.end_reason
from outreaches o
join leads l on l.id = o.lead_id
join tenants t on t.id = o.tenant_id
where o.id = $1 and o.tenant_id = $2

-- What is said of one call belongs to a call of the same tenant.
select a.id::text as id
from lead_analytics a
left join calls c on c.id = a.call_id
where a.kind = 'individual' and (c.id is null or c.tenant_id <> a.tenant_id)

-- $1 incident
select i.cause, i.severity, i.summary, i.opened_at, i.resolved_at, t.name as "tenant?"
from incidents i left join tenants t on t.id = i.tenant_id
where i.id = $1

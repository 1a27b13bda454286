-- Every rule, those for all tenants first.
select r.id, r.tenant_id, t.slug as "tenant?", r.kind, (extract(epoch from r.keep)::bigint) as keep_seconds, r.action, r.created_at
from retention_rules r
left join tenants t on t.id = r.tenant_id
order by r.kind, t.slug nulls first

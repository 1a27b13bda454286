-- $1 tenant (null: all tokens, also those that see all tenants), $2 whether those that have ended are wanted as well
select k.id, t.slug as "tenant?", k.role, k.label, k.created_at, k.expires_at, k.last_used_at
from api_tokens k
left join tenants t on t.id = k.tenant_id
where ($1::uuid is null or k.tenant_id = $1) and ($2 or k.expires_at is null or k.expires_at > now())
order by k.created_at, k.id

-- $1 platforms that can be asked
-- Connections in use, and whether the key of their platform is the tenant's own.
select c.id, c.tenant_id, c.provider, c.slug as "slug!",
       coalesce(t.settings #>> array['integrations', c.provider, 'api_key'], '') <> '' as "has_own_key!"
from connections c
left join tenants t on t.id = c.tenant_id
where c.disabled_at is null and c.provider = any ($1)
order by c.provider, c.slug

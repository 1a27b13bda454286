-- Every tenant, with what belongs to it.
select t.id, t.slug, t.name, t.region, t.created_at,
       (select count(*) from connections c where c.tenant_id = t.id and c.disabled_at is null) as "connections!",
       (select count(*) from phone_numbers n where n.tenant_id = t.id) as "numbers!",
       (select count(*) from agents a where a.tenant_id = t.id) as "agents!"
from tenants t
order by t.slug

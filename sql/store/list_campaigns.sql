-- $1 tenant (null: all)
select c.id, t.slug as tenant, c.name, c.created_at,
       (select count(*) from phone_numbers n where n.campaign_id = c.id) as "numbers!",
       (select count(*) from agents a where a.campaign_id = c.id) as "agents!"
from campaigns c
join tenants t on t.id = c.tenant_id
where $1::uuid is null or c.tenant_id = $1
order by t.slug, c.name

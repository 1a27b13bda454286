-- $1 tenant (null: all)
select a.provider, a.provider_agent_id as agent_id, t.slug as tenant,
       a.campaign_id, c.name as "campaign?", a.name, a.created_at
from agents a
join tenants t on t.id = a.tenant_id
left join campaigns c on c.id = a.campaign_id
where $1::uuid is null or a.tenant_id = $1
order by t.slug, a.provider, a.provider_agent_id

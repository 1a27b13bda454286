-- $1 numbers in E.164, $2 providers and $3 agent ids, pairwise
-- Whose the numbers and agents of a batch are: one statement for all of them.
select 'number' as "kind!", n.number as "key!", null as "provider?", n.campaign_id, t.id as "tenant_id!",
       t.region, (extract(epoch from t.outreach_delay) * 1000)::bigint as outreach_delay_ms
from phone_numbers n
join tenants t on t.id = n.tenant_id
where n.number = any ($1::text[])
union all
select 'agent', a.provider_agent_id, a.provider, a.campaign_id, t.id, t.region,
       (extract(epoch from t.outreach_delay) * 1000)::bigint
from unnest($2::text[], $3::text[]) as k (provider, provider_agent_id)
join agents a using (provider, provider_agent_id)
join tenants t on t.id = a.tenant_id

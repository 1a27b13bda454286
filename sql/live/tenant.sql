-- $1 connection, $2 its tenant (null: shared), $3 our number in E.164, $4 platform, $5 agent
-- Who is asked for, and what counts for them: the connection's tenant, else whose the number is, else the agent.
select t.id, t.name, t.settings::text as "settings!", t.time_zone, coalesce(c.region, t.region) as region,
       (select a.name from agents a where a.provider = $4 and a.provider_agent_id = $5 and a.tenant_id = t.id)
           as "agent_name?"
from connections c
join tenants t on t.id = coalesce(
    $2::uuid,
    (select n.tenant_id from phone_numbers n where n.number = $3),
    (select a.tenant_id from agents a where a.provider = $4 and a.provider_agent_id = $5))
where c.id = $1

-- $1 provider, $2 the platform's agent id, $3 tenant, $4 campaign, $5 name
-- An agent has one owner: nothing is changed where it has one already.
insert into agents (provider, provider_agent_id, tenant_id, campaign_id, name) values ($1, $2, $3, $4, $5)
on conflict (provider, provider_agent_id) do nothing

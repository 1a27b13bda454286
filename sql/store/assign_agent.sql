-- $1 provider, $2 the platform's agent id, $3 tenant, $4 campaign (null: none), $5 name
update agents set campaign_id = $4, name = $5 where provider = $1 and provider_agent_id = $2 and tenant_id = $3

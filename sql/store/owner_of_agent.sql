-- $1 platform, $2 the platform's agent id
select tenant_id from agents where provider = $1 and provider_agent_id = $2

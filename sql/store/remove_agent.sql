-- $1 provider, $2 the platform's agent id
delete from agents where provider = $1 and provider_agent_id = $2

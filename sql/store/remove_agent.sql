-- $1 provider, $2 the platform's agent id, $3 tenant (null: any)
delete from agents where provider = $1 and provider_agent_id = $2 and ($3::uuid is null or tenant_id = $3)
returning tenant_id

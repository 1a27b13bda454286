-- $1 tenant (null: all), $2 role, $3 label, $4 digest, $5 expires at
insert into api_tokens (tenant_id, role, label, digest, expires_at) values ($1, $2, $3, $4, $5) returning id

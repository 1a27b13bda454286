-- $1 login, $2 hash, $3 tenant (null: any)
update users set password_hash = $2 where login = $1 and ($3::uuid is null or tenant_id = $3) returning id

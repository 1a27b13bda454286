-- $1 login, $2 tenant (null: any)
delete from users where login = $1 and ($2::uuid is null or tenant_id = $2) returning id

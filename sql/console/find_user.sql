-- $1 login
select id, tenant_id, password_hash from users where login = $1

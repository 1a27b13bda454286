-- $1 login
select id, tenant_id, password_hash, oidc_issuer is not null as "is_external!" from users where login = $1

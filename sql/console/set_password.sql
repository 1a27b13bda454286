-- $1 login, $2 hash, $3 tenant (null: any)
-- Who signs in with an identity provider has no password and gets none.
update users set password_hash = $2
where login = $1 and ($3::uuid is null or tenant_id = $3) and oidc_issuer is null
returning id

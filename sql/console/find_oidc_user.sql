-- $1 issuer, $2 subject
-- Locked, so that of two sign-ins at once the later one sees what the earlier one has changed.
select id, role, tenant_id from users where oidc_issuer = $1 and oidc_subject = $2 for update

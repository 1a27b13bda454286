-- $1 issuer, $2 subject, $3 e-mail address, $4 role, $5 tenant (null: all)
-- Somebody is who the provider says by issuer and subject, never by an address: a user who has it as a login name stays
-- who they are, and the insert fails. Whose address changes keeps the old login name where somebody has the new one.
insert into users (tenant_id, login, role, oidc_issuer, oidc_subject) values ($5, $3, $4, $1, $2)
on conflict (oidc_issuer, oidc_subject) do update set
    tenant_id = excluded.tenant_id,
    role = excluded.role,
    login = case
        when exists (select from users other where other.login = excluded.login and other.id <> users.id)
        then users.login else excluded.login
    end
returning id

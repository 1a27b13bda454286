-- $1 user
-- A user as the account page shows it, with the words that a password of theirs must not be made of.
select u.login, u.tenant_id, u.role, u.password_hash, u.oidc_issuer as "issuer", f.confirmed_at is not null as "has_second_factor!",
       t.slug as "tenant?", t.name as "tenant_name?"
from users u
left join tenants t on t.id = u.tenant_id
left join second_factors f on f.user_id = u.id
where u.id = $1

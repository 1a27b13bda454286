-- $1 digest, $2 page that it leads to, $3 how long it is good, in seconds
-- Those that never came back are swept out by whoever begins the next one.
with swept as (
    delete from oidc_sign_ins where expires_at < now()
)
insert into oidc_sign_ins (digest, next, expires_at) values ($1, $2, now() + $3 * interval '1 second')

-- $1 digest, $2 user, $3 how long it is good, in seconds
with swept as (
    delete from pending_sign_ins where expires_at < now()
)
insert into pending_sign_ins (digest, user_id, expires_at) values ($1, $2, now() + $3 * interval '1 second')

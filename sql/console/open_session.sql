-- $1 digest, $2 token, $3 user (one of both), $4 csrf secret, $5 how long it is good at most, in seconds
-- Old ones are swept out by whoever logs in.
with swept as (
    delete from sessions where expires_at < now()
)
insert into sessions (digest, token_id, user_id, csrf, expires_at)
values ($1, $2, $3, $4, now() + $5 * interval '1 second')

-- $1 digest, $2 token, $3 user (one of both), $4 how long it is good at most, in seconds, $5 method,
-- $6 address, $7 browser
-- Old ones are swept out by the next sign-in. A session that a token began ends with the token.
with swept as (
    delete from sessions where expires_at < now()
)
insert into sessions (digest, token_id, user_id, expires_at, method, address, browser)
values ($1, $2, $3,
        least(now() + $4 * interval '1 second', (select expires_at from api_tokens where id = $2)),
        $5, $6::text::inet, $7)

-- $1 digest, $2 token, $3 user (one of both), $4 csrf secret, $5 how long it is good at most, in seconds, $6 method,
-- $7 address, $8 browser
-- Old ones are swept out by the next sign-in. A session that a token began ends with the token.
with swept as (
    delete from sessions where expires_at < now()
)
insert into sessions (digest, token_id, user_id, csrf, expires_at, method, address, browser)
values ($1, $2, $3, $4,
        least(now() + $5 * interval '1 second', (select expires_at from api_tokens where id = $2)),
        $6, $7::text::inet, $8)

-- $1 account, $2 token, $3 when it ends
insert into oauth_tokens (account, token, expires_at) values ($1, $2, $3)
on conflict (account) do update set
    token = excluded.token, expires_at = excluded.expires_at, refreshing_until = null, throttled_until = null

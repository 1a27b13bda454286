-- $1 connection, $2 milliseconds from now
-- Never later than before: a secret that ends sooner keeps its end.
update connection_secrets
set expires_at = least(expires_at, now() + $2 * interval '1 millisecond')
where connection_id = $1 and (expires_at is null or expires_at > now())

-- $1 tenant (null: all), $2 role, $3 label, $4 digest, $5 seconds until it ends (null: it does not)
-- By the clock that says later whether it has ended.
insert into api_tokens (tenant_id, role, label, digest, expires_at)
values ($1, $2, $3, $4, now() + make_interval(secs => $5))
returning id, expires_at

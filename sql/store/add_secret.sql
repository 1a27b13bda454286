-- $1 id, $2 connection, $3 secret, $4 milliseconds until it ends in any case (null: never)
insert into connection_secrets (id, connection_id, secret, expires_at, ends_unreplaced)
values ($1, $2, $3, now() + $4::float8 * interval '1 millisecond', $4::float8 is not null)

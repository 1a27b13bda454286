-- $1 id, $2 connection, $3 secret, $4 milliseconds until it ends (null: never): a temporary one
insert into connection_secrets (id, connection_id, secret, expires_at, is_temporary)
values ($1, $2, $3, now() + $4::float8 * interval '1 millisecond', $4::float8 is not null)

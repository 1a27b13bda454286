-- $1 id, $2 source, $3 usage, $4 digest, $5 milliseconds until it ends (null: never): a temporary one
insert into source_tokens (id, source_id, usage, digest, expires_at, is_temporary)
values ($1, $2, $3, $4, now() + $5::float8 * interval '1 millisecond', $5::float8 is not null)

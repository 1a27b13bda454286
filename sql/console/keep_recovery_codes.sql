-- $1 user, $2 digests
with before as (
    delete from recovery_codes where user_id = $1 and digest <> all ($2::bytea[])
)
insert into recovery_codes (user_id, digest) select $1, unnest($2::bytea[])

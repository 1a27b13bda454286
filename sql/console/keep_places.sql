-- $1 user, $2 digests of the browser's cookie and of the network, $3 how many of a user are kept
with kept as (
    insert into known_places (user_id, digest) select $1, unnest($2::bytea[])
    on conflict (user_id, digest) do update set last_used_at = now()
)
delete from known_places
where user_id = $1 and digest in (
    select digest from known_places where user_id = $1 and digest <> all ($2::bytea[])
    order by last_used_at desc offset $3
)

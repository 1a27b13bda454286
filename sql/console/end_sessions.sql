-- $1 token, $2 user (one of both), $3 the one that is ended (null: all), $4 digest of the one that stays (null: none)
delete from sessions
where (token_id = $1 or user_id = $2) and ($3::uuid is null or id = $3) and ($4::bytea is null or digest <> $4)

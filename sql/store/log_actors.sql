-- $1 an actor as it stands in the log, or the id, the login or the label of one
-- The actors in the log that are meant. One that is gone is found by its id, or as it stands in the log.
select $1::text as "actor!"
union select 'user ' || id from users where login = lower($1) or id::text = $1
union select 'token ' || id from api_tokens where label = $1 or id::text = $1
union select 'user ' || $1 where $1 ~ '^[0-9a-f-]{36}$'
union select 'token ' || $1 where $1 ~ '^[0-9a-f-]{36}$'

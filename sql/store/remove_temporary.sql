-- $1 secret or token
-- Takes a temporary credential away before it ends by itself.
with secret as (delete from connection_secrets where id = $1 and is_temporary)
delete from source_tokens where id = $1 and is_temporary

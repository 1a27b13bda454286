-- $1 principal, $2 digest of the key
-- It failed on our side: the next one may try.
delete from idempotency_keys where principal_id = $1 and key_digest = $2 and status is null

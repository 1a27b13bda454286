-- $1 principal, $2 digest of the key
select request_digest, status, body from idempotency_keys where principal_id = $1 and key_digest = $2

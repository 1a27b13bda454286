-- $1 principal, $2 digest of the key, $3 status, $4 body
update idempotency_keys set status = $3, body = $4 where principal_id = $1 and key_digest = $2

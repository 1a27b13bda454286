-- $1 principal, $2 digest of the key, $3 digest of the request, $4 how long a key is kept, $5 how long a request may take
-- that has not been answered (seconds). One statement, so that of two requests at once one is done.
-- A request whose program died in its midst may be done again by the next one.
with swept as (
    delete from idempotency_keys
    where created_at < now() - $4 * interval '1 second' and not (principal_id = $1 and key_digest = $2)
)
insert into idempotency_keys (principal_id, key_digest, request_digest) values ($1, $2, $3)
on conflict (principal_id, key_digest) do update
set request_digest = excluded.request_digest, claimed_at = now(), created_at = now(), status = null, body = null
where idempotency_keys.created_at < now() - $4 * interval '1 second'
   or (idempotency_keys.status is null and idempotency_keys.request_digest = excluded.request_digest
       and idempotency_keys.claimed_at < now() - $5 * interval '1 second')

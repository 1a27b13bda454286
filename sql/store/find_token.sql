-- $1 digest
-- last_used_at is written once a minute at most, so that a busy token does not write a row a request.
with touched as (
    update api_tokens set last_used_at = now()
    where digest = $1 and (last_used_at is null or last_used_at < now() - interval '1 minute')
)
select id, tenant_id, role, last_change_at from api_tokens where digest = $1 and (expires_at is null or expires_at > now())

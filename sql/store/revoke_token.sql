-- $1 token, $2 tenant (null: any)
-- The row stays, so that it can be seen when the token was in use for the last time.
update api_tokens set expires_at = now()
where id = $1 and ($2::uuid is null or tenant_id = $2) and (expires_at is null or expires_at > now())
returning label, tenant_id

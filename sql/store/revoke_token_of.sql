-- $1 token, $2 tenant (null: any)
update api_tokens set expires_at = now()
where id = $1 and ($2::uuid is null or tenant_id = $2) and (expires_at is null or expires_at > now())

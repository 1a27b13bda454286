-- $1 digest, $2 how long it may be idle, in seconds, $3 whether somebody uses it now
-- Who is behind it must still be good. last_used_at is written once a minute at most.
with found as (
    select s.digest, s.last_used_at, coalesce(t.id, u.id) as actor_id, u.id is not null as is_user,
           coalesce(t.role, u.role) as role, coalesce(t.tenant_id, u.tenant_id) as tenant_id,
           coalesce(t.last_change_at, u.last_change_at) as last_change_at
    from sessions s
    left join api_tokens t on t.id = s.token_id and (t.expires_at is null or t.expires_at > now())
    left join users u on u.id = s.user_id
    where s.digest = $1 and s.expires_at > now() and s.last_used_at > now() - $2 * interval '1 second'
      and coalesce(t.id, u.id) is not null
), touched as (
    update sessions s set last_used_at = now()
    from found f
    where $3 and s.digest = f.digest and f.last_used_at < now() - interval '1 minute'
)
select actor_id as "actor_id!", is_user as "is_user!", role as "role!", tenant_id, last_change_at from found

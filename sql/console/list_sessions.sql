-- $1 token, $2 user (one of both), $3 digest of the session that asks, $4 how long one may be idle, in seconds
select s.id, s.method, host(s.address) as address, s.browser, s.created_at, s.last_used_at, s.expires_at,
       coalesce(s.digest = $3, false) as "is_current!"
from sessions s
where (s.token_id = $1 or s.user_id = $2) and s.expires_at > now()
  and s.last_used_at > now() - $4 * interval '1 second'
order by s.created_at desc, s.id
limit 500

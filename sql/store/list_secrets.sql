-- $1 connections
-- When their secrets were added, end, and were last used; never a secret itself. The newest first.
select connection_id, created_at, expires_at, last_used_at
from connection_secrets
where connection_id = any ($1) and (expires_at is null or expires_at > now() - interval '7 days')
order by created_at desc, id desc

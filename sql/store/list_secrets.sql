-- $1 connections
-- When their secrets and tokens were added, end, and last verified something; never one of them, and no temporary ones. The newest
-- first.
select c.id as "id!", c.source_id as "connection_id!", c.usage as "usage!", c.created_at as "created_at!", c.expires_at,
       c.last_verified_at as last_used_at, l.id is not null as "is_live!"
from source_credentials c
left join live_source_credentials l on l.id = c.id
where c.source_id = any ($1) and not c.is_temporary and (l.id is not null or c.expires_at > now() - interval '7 days')
order by c.created_at desc, c.id desc

-- $1 tenant, $2 rows
-- The newest first. For looking at a few; it reads all of the tenant's.
select id, provider, channel, direction, from_number, to_number, body, status::text as status, error, sent_at
from messages
where tenant_id = $1
order by sent_at desc nulls last, id
limit $2

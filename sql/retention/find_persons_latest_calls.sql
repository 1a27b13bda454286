-- $1 tenants, $2 number
-- The same by index, for what came in while the whole table was searched.
select id, split_part(provider_call_id, '#', 1) as "platform_id!"
from calls
where tenant_id = any ($1) and contact_number = $2

-- $1 tenants, $2 pattern of the number
select id
from messages
where tenant_id = any ($1) and concat_ws(' ', contact_number, from_number, to_number) ~ $2

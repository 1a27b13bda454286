-- $1 tenants, $2 pattern of the number
-- By every column that a number stands in, as E.164 or as written. The platform's id without what we added to it.
select id, split_part(provider_call_id, '#', 1) as "platform_id!"
from calls
where tenant_id = any ($1)
  and concat_ws(' ', contact_number, from_number, to_number, our_number, from_raw, to_raw) ~ $2

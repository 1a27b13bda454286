-- The other side of every call is a lead: both are written by the same event.
select c.id::text as id
from calls c
left join leads l on l.tenant_id = c.tenant_id and l.phone = c.contact_number
where c.contact_number is not null and l.id is null

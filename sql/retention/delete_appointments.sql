-- $1 tenants, $2 number
-- Also those that are to come: who is forgotten is not expected any more, and the slot is free.
delete from appointments where tenant_id = any ($1) and phone = $2

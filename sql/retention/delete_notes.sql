-- $1 tenants, $2 number
delete from lead_notes where tenant_id = any ($1) and phone = $2

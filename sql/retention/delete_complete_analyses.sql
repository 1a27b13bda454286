-- $1 tenants, $2 number
delete from lead_analytics where kind = 'complete' and tenant_id = any ($1) and phone = $2

-- $1 lead, $2 tenant
select phone from leads where id = $1 and tenant_id = $2

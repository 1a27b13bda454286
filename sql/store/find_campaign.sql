-- $1 tenant, $2 name
select id from campaigns where tenant_id = $1 and name = $2

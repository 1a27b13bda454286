-- $1 tenant
select region from tenants where id = $1

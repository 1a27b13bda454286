-- $1 tenant
select slug, name from tenants where id = $1

-- The tenant, if there is exactly one.
select id from tenants where (select count(*) from (select 1 from tenants limit 2) t) = 1

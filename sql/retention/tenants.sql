-- Every tenant.
select id from tenants order by id

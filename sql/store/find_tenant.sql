-- $1 slug
select id from tenants where slug = $1

-- $1 tenant
select exists (select from tenants where id <> $1) as "others!"

-- $1 tenant
select time_zone, settings::text as "settings!" from tenants where id = $1

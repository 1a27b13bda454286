-- Every tenant's own settings.
select id, settings::text as "settings!" from tenants

-- $1 tenant (null: all)
-- The ids of a tenant's connections; shared ones belong to nobody.
select id from connections where ($1::uuid is null or tenant_id = $1) and provider <> 'switchhook'

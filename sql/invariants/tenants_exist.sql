-- No foreign keys lead to tenants (checking them would lock one row for every event), so it is checked here.
select 'calls ' || c.id as id from calls c where not exists (select from tenants t where t.id = c.tenant_id)
union all
select 'leads ' || l.id from leads l where not exists (select from tenants t where t.id = l.tenant_id)
union all
select 'messages ' || m.id from messages m where not exists (select from tenants t where t.id = m.tenant_id)
union all
select 'jobs ' || j.id from jobs j
-- The nil tenant is the house: what concerns nobody in particular.
where j.tenant_id <> '00000000-0000-0000-0000-000000000000' and not exists (select from tenants t where t.id = j.tenant_id)

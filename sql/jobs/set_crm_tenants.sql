-- $1 tenants with a CRM, $2 their waits before a push in seconds, $3 tenants whose settings cannot be read: as before
-- Writes nothing where nothing changed.
with gone as (
    delete from crm_tenants where tenant_id <> all ($1::uuid[]) and tenant_id <> all ($3::uuid[])
)
insert into crm_tenants as t (tenant_id, push_delay)
select id, make_interval(secs => seconds) from unnest($1::uuid[], $2::float8[]) as given (id, seconds)
order by id
on conflict (tenant_id) do update set push_delay = excluded.push_delay where t.push_delay <> excluded.push_delay

-- $1 tenant, $2 name
-- Nothing comes back where the tenant has a campaign of this name.
insert into campaigns (tenant_id, name) values ($1, $2)
on conflict (tenant_id, name) do nothing
returning id

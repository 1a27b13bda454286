-- $1 tenant
-- The calendar's number is made once, with the tenant's first appointment.
insert into calendars (tenant_id) values ($1) on conflict (tenant_id) do nothing

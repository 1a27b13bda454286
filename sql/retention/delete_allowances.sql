-- $1 ids of the lead, one a tenant
-- What was counted of their messages; the tenant's own count stays.
delete from allowances
where subject = any (select 'messages:' || lead from unnest($1::uuid[]) as leads (lead))

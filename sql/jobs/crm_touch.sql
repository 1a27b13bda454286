-- $1 lead
-- It may have changed after it was read and before it was told: it is compared once more. Before crm_link.sql, in the
-- order in which the queue is worked off.
insert into crm_queue as q (lead_id, tenant_id)
select l.id, l.tenant_id from leads l join crm_tenants c on c.tenant_id = l.tenant_id where l.id = $1
on conflict (lead_id) do update set tenant_id = q.tenant_id

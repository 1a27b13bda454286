-- $1 lead
-- The CRM, if there is one, is to hear of it.
with queued as (
    insert into crm_queue as q (lead_id, tenant_id)
    select l.id, l.tenant_id from leads l join crm_tenants c on c.tenant_id = l.tenant_id where l.id = $1
    on conflict (lead_id) do update set tenant_id = q.tenant_id
)
update leads set stage = 'contacted' where id = $1 and stage < 'contacted'

-- $1 ids of the lead, one a tenant, $2 tenants, $3 number, $4 calls
-- What hangs from a person and their calls.
select (select count(*) from leads where id = any ($1)) as "leads!",
       (select count(*) from recordings where call_id = any ($4)) as "recordings!",
       (select count(*) from lead_analytics
        where kind = 'complete' and tenant_id = any ($2) and phone = $3
           or kind = 'individual' and call_id = any ($4)) as "analyses!",
       (select count(*) from appointments where tenant_id = any ($2) and phone = $3) as "appointments!",
       (select count(*) from lead_notes where tenant_id = any ($2) and phone = $3) as "notes!"

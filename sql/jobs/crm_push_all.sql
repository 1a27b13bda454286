-- $1 tenants, $2 number or null, $3 whether even what did not change, and over what differs
insert into crm_queue as q (lead_id, tenant_id, is_forced)
select l.id, l.tenant_id, $3 from leads l
where l.tenant_id = any ($1) and ($2::text is null or l.phone = $2)
order by l.id
on conflict (lead_id) do update set is_forced = q.is_forced or excluded.is_forced

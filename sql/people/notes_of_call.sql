-- $1 call, $2 tenant (null: any)
-- Of the person, along their index; of those, the notes of this call.
select n.id, n.kind, n.body as "body?", n.author, n.at
from calls c
join lead_notes n on n.tenant_id = c.tenant_id and n.phone = c.contact_number and n.call_ref = c.provider_call_id
where c.id = $1 and ($2::uuid is null or c.tenant_id = $2)
order by n.at, n.id
limit 200

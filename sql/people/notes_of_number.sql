-- $1 tenant, $2 number, $3 rows
-- By lead_notes_person_idx.
select id, kind, body, author, wanted_at, at, resolved_at
from lead_notes
where tenant_id = $1 and phone = $2
order by at desc, id
limit $3

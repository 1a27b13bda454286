-- $1 tenant, $2 number, $3 rows, $4 and $5 the last row before (null: from the newest on)
-- By lead_notes_person_idx.
select id, kind, body, author, wanted_at, at, resolved_at, unverified
from lead_notes
where tenant_id = $1 and phone = $2 and ($5::uuid is null or at < $4 or at = $4 and id > $5)
order by at desc, id
limit $3

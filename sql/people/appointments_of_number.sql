-- $1 tenant, $2 number, $3 rows
-- By appointments_person_idx; the latest first.
select id, starts_at, ends_at, name, purpose, unverified, created_at, cancelled_at, moved_to
from appointments
where tenant_id = $1 and phone = $2
order by starts_at desc, id
limit $3

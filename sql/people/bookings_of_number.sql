-- $1 tenant, $2 number, $3 rows, $4 and $5 the last row before (null: from the newest on)
-- A person's appointments by when they were booked; by appointments_person_idx, they are few.
select id, starts_at, ends_at, name, purpose, unverified, created_at, cancelled_at, moved_to
from appointments
where tenant_id = $1 and phone = $2
  and ($5::uuid is null or created_at < $4 or created_at = $4 and id > $5)
order by created_at desc, id
limit $3

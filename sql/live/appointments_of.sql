-- $1 tenant, $2 number, $3 now, $4 time zone
-- The appointments of a person that are to come, the next one first.
select id, starts_at, starts_at at time zone $4::text as "local_at!", name, purpose, unverified
from appointments
where tenant_id = $1 and phone = $2 and cancelled_at is null and starts_at >= $3
order by starts_at
limit 20

-- $1 tenant, $2 number, $3 now, $4 time zone
-- The appointments of a person that are to come: those that they made themselves, the next one first, and then what was
-- booked under their number by somebody whom nobody vouched for.
select id, starts_at, starts_at at time zone $4::text as "local_at!", name, purpose, unverified
from appointments
where tenant_id = $1 and phone = $2 and cancelled_at is null and starts_at >= $3
order by unverified, starts_at
limit 20

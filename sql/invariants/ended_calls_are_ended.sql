-- A call that has an end has ended: both come from the same report.
select id::text as id
from calls
where ended_at is not null and status is distinct from 'ended'

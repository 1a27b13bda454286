-- A recording that names a call belongs to a call of the same tenant. (One that names none is audio whose event has
-- not been processed yet.)
select r.id::text as id
from recordings r
left join calls c on c.id = r.call_id
where r.call_id is not null and (c.id is null or c.tenant_id is distinct from r.tenant_id)

-- A lease ends soon, so that a job whose worker died is taken up again; one that lasts for days holds it for ever.
select id::text as id
from jobs
where settled_at is null and lease_until > now() + interval '1 day'

-- $1 keys: the calls of a person, as text, $2 tenant
-- What was to be done because of these calls, by the unique index on kind and key.
select id, kind, coalesce(outcome, 'pending') as "state!", due_at, settled_at, note, last_error
from jobs
where kind in ('start_outreach', 'analyze_call') and key = any ($1) and tenant_id = $2
order by due_at desc, id

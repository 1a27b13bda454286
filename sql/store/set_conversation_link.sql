-- $1 call, $2 other call, $3 whether they are one, $4 who
-- Both must be calls of one tenant.
insert into conversation_links as l (call_id, other_id, is_same, set_by)
select least(a.id, b.id), greatest(a.id, b.id), $3, $4
from calls a join calls b on b.tenant_id = a.tenant_id
where a.id = $1 and b.id = $2 and a.id <> b.id
on conflict (call_id, other_id) do update set is_same = excluded.is_same, set_by = excluded.set_by, set_at = now()

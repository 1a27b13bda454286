-- $1 ids, $2 tenants, $3 kinds, $4 keys, $5 payloads as text, $6 due at
-- A job is put up once, for ever. Two events of one call may name different times: the earliest wins while nobody has
-- taken the job up, so that the order of events does not matter; one that was put off since, because a vendor or a
-- clock asked for it, is not called back by a replay.
insert into jobs (id, tenant_id, kind, key, payload, due_at)
select id, tenant_id, kind, key, payload::jsonb, due_at
from unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::timestamptz[])
    as t (id, tenant_id, kind, key, payload, due_at)
on conflict (kind, key) do update
set due_at = excluded.due_at
where jobs.settled_at is null and jobs.claims = 0 and excluded.due_at < jobs.due_at

-- $1 id, $2 tenant, $3 kind, $4 key, $5 payload as text, $6 attempts, $7 claim, $8 waiting since, $9 now (null: the database's
-- clock), $10 lease in seconds, $11 seconds after which whoever has claimed it is taken to be gone
-- A claim that another server knew of, and this one, promoted meanwhile, does not: the job is in our hands, and perhaps sent. It
-- may be there in an older state, under another id if its event came once more, or not at all. Not where somebody has claimed it
-- since, or it has ended, here under whatever key.
insert into jobs as j (id, tenant_id, kind, key, payload, due_at, attempts, claims, waiting_since, lease_until, alive_until,
                       sending_at)
select $1, $2, $3, $4, $5::text::jsonb, c.now, $6, $7, $8, c.now + make_interval(secs => $10),
       c.now + make_interval(secs => $11), c.now
from (select coalesce($9, now()) as now) c
where not exists (select from jobs known where known.id = $1 and known.outcome is not null)
on conflict (kind, key) do update
set claims = excluded.claims, waiting_since = excluded.waiting_since, lease_until = excluded.lease_until,
    alive_until = excluded.alive_until, sending_at = excluded.sending_at
where j.outcome is null and j.claims <= excluded.claims
returning j.id

-- $1 ids, $2 their claims, $3 now (null: the database's clock), $4 for so many seconds
-- Whoever has these jobs in hand lives, and is working on them.
update jobs j set alive_until = coalesce($3, now()) + make_interval(secs => $4)
from unnest($1::uuid[], $2::integer[]) as t (id, claim)
where j.id = t.id and j.claims = t.claim and j.outcome is null

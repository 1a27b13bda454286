-- $1 calls, $2 when each was analysed; sorted by call
-- The merge is Completion::fold (src/domain/analysis.rs). An analysis is made of a call that is there.
update calls c set completed_at = least(c.completed_at, t.at)
from unnest($1::uuid[], $2::timestamptz[]) as t (id, at)
where c.id = t.id and (c.completed_at is null or t.at < c.completed_at)

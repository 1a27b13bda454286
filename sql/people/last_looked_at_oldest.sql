-- The parameters of sql/people/last_looked_at.sql, for sql/people/match_calls_oldest.sql. Calls without any time are in
-- nobody's way: they are looked at first, and all at once.
select id, started_at
from calls
where tenant_id = $1
  and started_at >= greatest(coalesce($2, '-infinity'::timestamptz), $4)
  and started_at <= coalesce($5, 'infinity'::timestamptz)
  and ($2::timestamptz is null or started_at > $2 or id < $3)
  and ($5::timestamptz is null or started_at < $5)
order by started_at nulls first, id desc
limit 1 offset $6::bigint - 1

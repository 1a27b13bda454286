-- $1 tenant, $2 and $3 the last row of the page before (null: the first page), $4 from, $5 until (null: any), $6 rows
-- looked at. The row up to which sql/people/list_calls.sql has looked, where it found too few: the next page begins
-- after it. None: it has looked at all.
select id, started_at
from calls
where tenant_id = $1
  and started_at <= least(case when $3::uuid is null then 'infinity'::timestamptz
                               else coalesce($2, '-infinity'::timestamptz) end, $5)
  and started_at >= coalesce($4, '-infinity'::timestamptz)
  and ($3::uuid is null or started_at < $2 or id > $3)
  and ($5::timestamptz is null or started_at < $5)
order by started_at desc nulls last, id
limit 1 offset $6::bigint - 1

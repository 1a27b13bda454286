-- $1 tenant, $2 and $3 the last row of the page before (null: the first page), $4 rows looked at
-- As sql/people/last_looked_at.sql.
select id, sent_at
from messages
where tenant_id = $1
  and sent_at <= case when $3::uuid is null then 'infinity'::timestamptz else coalesce($2, '-infinity'::timestamptz) end
  and ($3::uuid is null or sent_at < $2 or id > $3)
order by sent_at desc nulls last, id
limit 1 offset $4::bigint - 1

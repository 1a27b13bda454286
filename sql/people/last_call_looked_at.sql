-- $1 tenant, $2 the last call of the page before (null: the first page), $3 calls looked at
-- As sql/people/last_looked_at.sql, for sql/people/list_leads_recent.sql.
with after as (
    select started_at, id from calls where id = $2 and tenant_id = $1
)
select id
from calls
where tenant_id = $1
  and started_at <= case when $2::uuid is null then 'infinity'::timestamptz else (select started_at from after) end
  and ($2::uuid is null or started_at < (select started_at from after) or id > (select id from after))
order by started_at desc nulls last, id
limit 1 offset $3::bigint - 1

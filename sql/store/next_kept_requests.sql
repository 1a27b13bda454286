-- $1 tenant (null: all), $2 source (null: any), $3 id (null: any), $4 and $5 time and id of the last one (null: from the
-- oldest), $6 rows. Kept requests with what they are, the oldest first. $7 tenants (null: as $1 says), $8 whether sources of
-- no tenant count as well
select k.id, k.source_id, k.at, k.request
from kept_requests k
join connections c on c.id = k.source_id
where ($1::uuid is null or c.tenant_id = $1) and ($2::uuid is null or k.source_id = $2)
  and ($3::uuid is null or k.id = $3)
  and ($7::uuid[] is null or c.tenant_id = any ($7) or ($8 and c.tenant_id is null))
  and ($4::timestamptz is null or (k.at, k.id) > ($4, $5))
order by k.at, k.id
limit $6

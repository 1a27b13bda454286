-- $1 tenant (null: all), $2 source (null: any), $3 and $4 time and id of the last row of the page before (null: from the
-- newest), $5 rows. Kept requests, the newest first; a tenant's are those to its sources.
select k.id, k.at, k.provider, c.slug as source, k.network, k.reason, k.bytes
from kept_requests k
join connections c on c.id = k.source_id
where ($1::uuid is null or c.tenant_id = $1) and ($2::uuid is null or k.source_id = $2)
  and ($3::timestamptz is null or k.at < $3 or (k.at = $3 and k.id < $4))
  and k.at <= coalesce($3, 'infinity'::timestamptz)
order by k.at desc, k.id desc
limit $5

-- $1 tenant (null: all), $2 and $3 time and id of the last row of the page before (null: from the newest), $4 rows
-- Refused requests, the newest first. A tenant's are those to its connections; who knocked at none is nobody's.
select r.id, r.at, r.provider, r.connection, r.address, r.reason, r.status, r.body_bytes, r.repeats
from rejections r
where ($1::uuid is null or exists (
          select from connections c
          where c.tenant_id = $1 and c.provider = r.provider
            and r.connection = c.slug))
  and ($2::timestamptz is null or r.at < $2 or (r.at = $2 and r.id < $3))
  and r.at <= coalesce($2, 'infinity'::timestamptz)
order by r.at desc, r.id desc
limit $4

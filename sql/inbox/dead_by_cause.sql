-- $1 provider, $2 type, $3 tenant, $4 received since, $5 received before (null: any), $6 ids (empty: any)
-- $7 connection, $8 what the last attempt failed of (null: any)
-- $9 among so many of the newest (null: all)
select e.provider, e.event_type, e.last_error as "last_error!", count(*) as "rows!",
       min(e.received_at) as "oldest_at!", max(e.received_at) as "newest_at!",
       max(e.id::text collate "C")::uuid as "newest_id!"
from (
    select e.id, e.provider, e.event_type, e.last_error, e.received_at
    from webhook_events e
    where e.last_error is not null and e.outcome = 'dead'
      and ($1::text is null or e.provider = $1)
      and ($2::text is null or e.event_type = $2)
      and ($3::uuid is null or e.tenant_id = $3)
      and ($4::timestamptz is null or e.received_at >= $4)
      and ($5::timestamptz is null or e.received_at < $5)
      and (cardinality($6::uuid[]) = 0 or e.id = any ($6))
      and ($7::uuid is null or e.connection_id = $7)
      and ($8::text is null or e.last_error = $8)
    order by e.id desc
    limit $9
) e
group by e.provider, e.event_type, e.last_error
order by count(*) desc, e.provider, e.event_type, e.last_error

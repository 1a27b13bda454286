-- $1 provider, $2 type, $3 tenant, $4 received since, $5 received before (null: any), $6 ids (empty: any),
-- $7 outcome (null: any)
-- $8 connection, $9 what the last attempt failed of (null: any)
select e.provider, e.event_type, count(*) as "rows!",
       min(e.id::text collate "C")::uuid as "first_id!", max(e.id::text collate "C")::uuid as "last_id!"
from webhook_events e
where e.processed_at is not null
  and ($7::text is null or e.outcome = $7)
  and ($1::text is null or e.provider = $1)
  and ($2::text is null or e.event_type = $2)
  and ($3::uuid is null or e.tenant_id = $3)
  and ($4::timestamptz is null or e.received_at >= $4)
  and ($5::timestamptz is null or e.received_at < $5)
  and (cardinality($6::uuid[]) = 0 or e.id = any ($6))
  and ($8::uuid is null or e.connection_id = $8)
  and ($9::text is null or e.last_error = $9)
group by e.provider, e.event_type
order by count(*) desc, e.provider, e.event_type

-- $1 provider, $2 type, $3 tenant, $4 received since, $5 received before (null: any), $6 ids (empty: any)
select e.provider, e.event_type, e.last_error as "last_error!", count(*) as "rows!",
       min(e.received_at) as "oldest_at!", max(e.received_at) as "newest_at!",
       max(e.id::text collate "C")::uuid as "newest_id!"
from webhook_events e
where e.last_error is not null and e.outcome = 'dead'
  and ($1::text is null or e.provider = $1)
  and ($2::text is null or e.event_type = $2)
  and ($3::uuid is null or e.tenant_id = $3)
  and ($4::timestamptz is null or e.received_at >= $4)
  and ($5::timestamptz is null or e.received_at < $5)
  and (cardinality($6::uuid[]) = 0 or e.id = any ($6))
group by e.provider, e.event_type, e.last_error
order by count(*) desc, e.provider, e.event_type, e.last_error

-- $1 provider, $2 type, $3 tenant, $4 received since, $5 received before (null: any), $6 ids (empty: any),
-- $7 only ids before this one (null: from the newest), $8 rows at most
-- $9 connection, $10 what the last attempt failed of (null: any)
-- From the queue, so that a few pending events are found among millions that are not.
select e.id, e.provider, e.event_type, t.slug as "tenant?",
       c.slug as "connection?",
       e.external_event_id, e.occurred_at, e.received_at, e.processed_at, e.next_attempt_at, e.attempts, e.outcome,
       e.last_error, e.note, e.origin
from webhook_events e
left join tenants t on t.id = e.tenant_id
left join connections c on c.id = e.connection_id
where e.id in (select q.event_id from event_queue q)
  and e.processed_at is null
  and ($1::text is null or e.provider = $1)
  and ($2::text is null or e.event_type = $2)
  and ($3::uuid is null or e.tenant_id = $3)
  and ($4::timestamptz is null or e.received_at >= $4)
  and ($5::timestamptz is null or e.received_at < $5)
  and (cardinality($6::uuid[]) = 0 or e.id = any ($6))
  and ($9::uuid is null or e.connection_id = $9)
  and ($10::text is null or e.last_error = $10)
  and ($7::uuid is null or e.id < $7)
order by e.id desc
limit $8

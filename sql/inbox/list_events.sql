-- $1 provider, $2 type, $3 tenant, $4 received since, $5 received before (null: any), $6 ids (empty: any),
-- $7 outcome (null: any, also pending), $8 only ids before this one (null: from the newest), $9 rows at most, $10 rows to
-- look at (null: all), $11 connection, $12 what the last attempt failed of (null: any)
-- Newest first, along the primary key: ids are time-ordered. What else is asked for is looked for among the next rows
-- only, where somebody waits for a page.
select e.id as "id!", e.provider as "provider!", e.event_type as "event_type!", t.slug as "tenant?",
       c.slug as "connection?",
       e.external_event_id as "external_event_id!", e.occurred_at, e.received_at as "received_at!", e.processed_at,
       e.next_attempt_at as "next_attempt_at!", e.attempts as "attempts!", e.outcome, e.last_error, e.note, e.origin
from (
    (select * from webhook_events
     where cardinality($6::uuid[]) = 0 and id < coalesce($8, 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid)
     order by id desc
     limit $10)
    union all
    (select * from webhook_events
     where id = any ($6) and id < coalesce($8, 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid))
) e
left join tenants t on t.id = e.tenant_id
left join connections c on c.id = e.connection_id
where ($1::text is null or e.provider = $1)
  and ($2::text is null or e.event_type = $2)
  and ($3::uuid is null or e.tenant_id = $3)
  and ($4::timestamptz is null or e.received_at >= $4)
  and ($5::timestamptz is null or e.received_at < $5)
  and ($11::uuid is null or e.connection_id = $11)
  and ($12::text is null or e.last_error = $12)
  and ($7::text is null or e.outcome = $7)
order by e.id desc
limit $9

-- $1 provider, $2 type, $3 tenant, $4 connection, $5 outcome (null: any), $6 only ids before this one (null: from the
-- newest), $7 events looked at, at most, $8 rows at most
-- The newest events that fit, among so many: a rare sort is not sought through all that ever came. Along the primary key.
with looked as materialized (
    select id from webhook_events where $6::uuid is null or id < $6 order by id desc limit $7
)
select e.id, e.provider, e.event_type, t.slug as "tenant?",
       case when c.url_is_secret then left(c.slug, 4) || '…' else c.slug end as "connection?",
       e.external_event_id, e.occurred_at, e.received_at, e.processed_at, e.next_attempt_at, e.attempts, e.outcome,
       e.last_error, e.note, e.origin
from looked l
join webhook_events e on e.id = l.id
left join tenants t on t.id = e.tenant_id
left join connections c on c.id = e.connection_id
where ($1::text is null or e.provider = $1)
  and ($2::text is null or e.event_type = $2)
  and ($3::uuid is null or e.tenant_id = $3)
  and ($4::uuid is null or e.connection_id = $4)
  and ($5::text is null or e.outcome = $5)
order by e.id desc
limit $8

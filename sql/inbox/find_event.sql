-- $1 id
select e.id, e.provider, e.event_type, t.slug as "tenant?",
       c.slug as "connection?",
       e.external_event_id, e.occurred_at, e.received_at, e.processed_at, e.next_attempt_at, e.attempts, e.outcome,
       e.last_error, e.note, e.origin
from webhook_events e
left join tenants t on t.id = e.tenant_id
left join connections c on c.id = e.connection_id
where e.id = $1

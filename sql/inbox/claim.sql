-- $1 batch size, $2 where in the queue to begin
-- skip locked lets claimers pass each other. The rows come off the queue in this transaction: a crash puts them back,
-- so nothing is ever stuck and nothing needs rescuing. What is no longer pending (settled or
-- deleted by hand) just comes off: its id is null here.
with due as materialized (
    select next_attempt_at, event_id
    from event_queue
    where next_attempt_at >= $2 and next_attempt_at <= now()
    order by next_attempt_at, event_id
    limit $1
    for update skip locked
), taken as (
    delete from event_queue q using due
    where q.next_attempt_at = due.next_attempt_at and q.event_id = due.event_id
)
select due.next_attempt_at as "due_at!", e.id as "id?", e.connection_id, t.id as "tenant_id?", e.provider, e.event_type,
       e.external_event_id, e.occurred_at, e.received_at, e.attempts, e.campaign_rank,
       c.region as "connection_region?", t.region as "tenant_region?",
       (extract(epoch from t.outreach_delay) * 1000)::bigint as "tenant_outreach_delay_ms?",
       e.payload::text as payload, e.payload_removed_at is not null as payload_removed
from due
left join webhook_events e on e.id = due.event_id and e.processed_at is null
left join connections c on c.id = e.connection_id
left join tenants t on t.id = coalesce(e.tenant_id, c.tenant_id)

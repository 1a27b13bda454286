-- $1 ids
-- As the processor sees them, settled or not.
select e.id, e.connection_id as "connection_id!", t.id as "tenant_id?", e.provider as "provider!", e.event_type,
       e.external_event_id, e.occurred_at, e.received_at, e.attempts, e.campaign_rank,
       c.region as "connection_region?", t.region as "tenant_region?",
       (extract(epoch from t.outreach_delay) * 1000)::bigint as "tenant_outreach_delay_ms?",
       e.payload::text as "payload!", e.payload_removed_at is not null as "payload_removed!"
from webhook_events e
left join connections c on c.id = e.connection_id
left join tenants t on t.id = coalesce(e.tenant_id, c.tenant_id)
where e.id = any ($1)
order by e.id

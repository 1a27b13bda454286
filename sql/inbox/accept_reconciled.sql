-- As sql/inbox/accept.sql, for events that did not come through the door: it is a statement of its own, so that the mark
-- costs the door nothing.
insert into webhook_events
    (id, connection_id, tenant_id, provider, event_type, external_event_id, occurred_at, payload, origin)
select id, connection_id, tenant_id, provider, event_type, external_event_id, occurred_at, payload::jsonb, 'reconciled'
from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::text[], $7::timestamptz[], $8::text[])
    as t (id, connection_id, tenant_id, provider, event_type, external_event_id, occurred_at, payload)
on conflict (connection_id, external_event_id) do nothing
returning id

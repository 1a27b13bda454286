-- As sql/inbox/accept.sql, for one event whose request was kept because nothing verified it, until its secret was mended.
insert into webhook_events
    (id, connection_id, tenant_id, provider, event_type, external_event_id, occurred_at, payload, origin)
values ($1, $2, $3, $4, $5, $6, $7, $8::text::jsonb, 'recovered')
on conflict (connection_id, external_event_id) do nothing
returning id

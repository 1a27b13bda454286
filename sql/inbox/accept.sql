-- $1 ids, $2 connections, $3 tenants (null: shared), $4 providers, $5 event types, $6 external event ids,
-- $7 occurred at, $8 payloads as text
-- Everybody in flight shares this one statement and its one commit. The rows come sorted by their key, so that two
-- flushers that meet the same keys wait for each other in one order and cannot deadlock. What is not returned was
-- there before. It fills the queue itself, which a trigger would do row by row.
with stored as (
    insert into webhook_events
        (id, connection_id, tenant_id, provider, event_type, external_event_id, occurred_at, payload, is_queued)
    select id, connection_id, tenant_id, provider, event_type, external_event_id, occurred_at, payload::jsonb, true
    from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::text[], $7::timestamptz[], $8::text[])
        as t (id, connection_id, tenant_id, provider, event_type, external_event_id, occurred_at, payload)
    on conflict (connection_id, external_event_id) do nothing
    returning id, connection_id, tenant_id, next_attempt_at
), queued as (
    insert into event_queue (lane, next_attempt_at, event_id)
    select (get_byte(uuid_send(coalesce(tenant_id, connection_id)), 15) & 15), next_attempt_at, id from stored
)
select id as "id!" from stored

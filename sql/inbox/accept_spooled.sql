-- As sql/inbox/accept.sql, for events that waited in a file while the database was away: they keep the time at which they
-- came. $9 received at
with stored as (
    insert into webhook_events (id, connection_id, tenant_id, provider, event_type, external_event_id, occurred_at,
                                payload, is_queued, received_at)
    select id, connection_id, tenant_id, provider, event_type, external_event_id, occurred_at, payload::jsonb, true,
           least(received_at, now())
    from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::text[], $7::timestamptz[], $8::text[],
                $9::timestamptz[])
        as t (id, connection_id, tenant_id, provider, event_type, external_event_id, occurred_at, payload, received_at)
    on conflict (connection_id, external_event_id) do nothing
    returning id, connection_id, tenant_id, next_attempt_at
), queued as (
    insert into event_queue (lane, next_attempt_at, event_id)
    select (get_byte(uuid_send(coalesce(tenant_id, connection_id)), 15) & 15), next_attempt_at, id from stored
)
select id as "id!" from stored

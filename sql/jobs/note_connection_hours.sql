-- $1 now, $2 seconds to look back
-- Kept hour by hour, so that no look at a connection's past reads its events. What had to be fetched, or is a test event of
-- the pages, was not sent by the platform: the connection is as silent as it is.
with noted as (
    insert into connection_hours (connection_id, hour)
    select distinct connection_id, date_trunc('hour', received_at)
    from webhook_events
    where received_at >= $1::timestamptz - make_interval(secs => $2) and provider <> 'switchhook'
      and origin is null and event_type <> 'switchhook_test'
    on conflict do nothing
)
delete from connection_hours where hour < $1::timestamptz - interval '21 days'

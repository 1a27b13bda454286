-- $1 after this event, $2 up to this one, $3 events at most, the newest first
-- Kept hour by hour, so that no look at a connection's past reads its events; and noted as events come, along their ids,
-- which are in the order of time. What had to be fetched, or is a test event of the pages, was not sent by the platform: the
-- connection is as silent as it is.
insert into connection_hours (connection_id, hour)
select distinct connection_id, date_trunc('hour', received_at)
from (
    select connection_id, received_at, provider, origin, event_type
    from webhook_events where id > $1 and id <= $2
    order by id desc limit $3
) e
where provider <> 'switchhook' and origin is null and event_type <> 'switchhook_test'
on conflict do nothing

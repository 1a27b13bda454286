-- $1 connections, $2 external event ids
-- The ids of events that were there before; a statement of its own, because the insert's snapshot may be older than
-- the row it ran into.
select e.id, e.connection_id, e.external_event_id
from unnest($1::uuid[], $2::text[]) as k (connection_id, external_event_id)
join webhook_events e using (connection_id, external_event_id)

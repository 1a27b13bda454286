-- $1 tenant, $2 provider, $3 the platform's id of the call, $4 first and $5 last id to look at, $6 events to walk along,
-- $7 payloads to read
-- The events that name the call, of the time around it: along the primary key, which is ordered by time. No index names
-- the tenant, and a payload has none, so both ways are bounded. One row without an event says that nothing was found.
with walked as materialized (
    select id, tenant_id, provider, external_event_id
    from webhook_events
    where id between $4 and $5
    order by id
    limit $6
), near as materialized (
    select id, external_event_id
    from walked
    where tenant_id = $1 and provider in ($2, 'switchhook')
    order by id
    limit $7
)
select f.id as "id?", f.provider as "provider?", f.event_type as "event_type?", f.occurred_at,
       f.received_at as "received_at?", f.processed_at, f.outcome,
       (select count(*) from walked) < $6 and (select count(*) from near) < $7 as "looked_at_all!"
from (select) one
left join (
    select e.*
    from near n
    cross join lateral (
        select id, provider, event_type, occurred_at, received_at, processed_at, outcome, payload
        from webhook_events where id = n.id limit 1
    ) e
    where strpos(n.external_event_id, $3) > 0 or strpos(e.payload::text, $3) > 0
) f on true
order by f.id

-- $1 tenant, $2 provider, $3 the platform's id of the call, $4 first and $5 last id to look at, $6 events to look at
-- The events that name the call, of the hours around it: along the primary key, which is ordered by time. A payload has
-- no index, so no more are looked at than a page may take; looked_at says whether there were more.
with near as materialized (
    select e.id, e.provider, e.event_type, e.external_event_id, e.occurred_at, e.received_at, e.processed_at, e.outcome,
           e.payload
    from webhook_events e
    where e.id between $4 and $5
    order by e.id
    limit $6
)
select n.id, n.provider, n.event_type, n.occurred_at, n.received_at, n.processed_at, n.outcome,
       (select count(*) from near) as "looked_at!"
from near n
join webhook_events e on e.id = n.id and e.tenant_id = $1
where n.provider in ($2, 'switchhook')
  and (strpos(n.external_event_id, $3) > 0 or strpos(n.payload::text, $3) > 0)
order by n.id

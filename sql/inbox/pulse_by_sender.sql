-- $1 tenant (null: all), $2 seconds back, $3 rows looked at, at most
-- The newest events by connection and type, the most frequent first; along the primary key, as in pulse.sql.
with newest as materialized (
    select connection_id, tenant_id, provider, event_type, received_at, processed_at, outcome
    from webhook_events order by id desc limit $3
), counted as (
    select connection_id, provider, event_type, count(*) as received, count(*) filter (where outcome is null) as pending,
           count(*) filter (where outcome = 'ignored') as ignored, count(*) filter (where outcome = 'dead') as dead,
           max(received_at) as last_at,
           percentile_cont(0.5) within group (order by extract(epoch from coalesce(processed_at, now()) - received_at)) as p50
    from newest
    where received_at > now() - make_interval(secs => $2::float8) and ($1::uuid is null or tenant_id = $1)
    group by connection_id, provider, event_type
    order by count(*) desc, provider, event_type
    limit 100
)
select n.connection_id, n.provider, n.event_type,
       c.slug as "connection?",
       n.received as "received!", n.pending as "pending!", n.ignored as "ignored!", n.dead as "dead!",
       n.last_at as "last_at!", n.p50::float8 as p50_seconds
from counted n
left join connections c on c.id = n.connection_id
order by n.received desc, n.provider, n.event_type, n.connection_id

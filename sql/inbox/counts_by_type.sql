-- $1 since when settled events are counted, by when they were received
-- Pending and dead ones are few and have their own indexes: they are counted however old they are.
with counted as (
    select e.provider, e.event_type, 'pending' as outcome, count(*) as n, min(e.received_at) as oldest_at
    from webhook_events e
    where e.id in (select q.event_id from event_queue q) and e.processed_at is null
    group by e.provider, e.event_type
    union all
    select e.provider, e.event_type, 'dead', count(*), null
    from webhook_events e
    where e.last_error is not null and e.outcome = 'dead'
    group by e.provider, e.event_type
    union all
    select e.provider, e.event_type, e.outcome, count(*), null
    from webhook_events e
    where e.received_at >= $1 and e.outcome in ('processed', 'ignored')
    group by e.provider, e.event_type, e.outcome
)
select provider as "provider!", event_type as "event_type!",
       coalesce(sum(n) filter (where outcome = 'pending'), 0)::bigint as "pending!",
       coalesce(sum(n) filter (where outcome = 'processed'), 0)::bigint as "processed!",
       coalesce(sum(n) filter (where outcome = 'ignored'), 0)::bigint as "ignored!",
       coalesce(sum(n) filter (where outcome = 'dead'), 0)::bigint as "dead!",
       min(oldest_at) as "oldest_pending_at?"
from counted
group by provider, event_type
order by provider, event_type

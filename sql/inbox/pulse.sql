-- $1 tenant (null: all), $2 seconds of a span, $3 spans, $4 rows looked at, at most, of each of the two sorts
-- Events by when they came, and when they were settled, in spans up to now. It looks at the newest events, and at those
-- before the first that waits: what was settled last while a backlog is worked off. Both along the primary key, since ids
-- are time-ordered, so that it costs the same beside any number of events. What waits counts with the time it has waited.
with first as (
    select q.event_id from generate_series(0, 32) l (lane) cross join lateral (
        select next_attempt_at, event_id from event_queue q where q.lane = l.lane
        order by next_attempt_at, event_id limit 1) q
    order by q.next_attempt_at, q.event_id limit 1
), newest as (
    select id, tenant_id, received_at, processed_at from webhook_events order by id desc limit $4
), settled as (
    select id, tenant_id, received_at, processed_at from webhook_events
    where id < (select event_id from first) order by id desc limit $4
), looked as (
    select id, received_at, processed_at from (select * from newest union select * from settled) both_sorts
    where $1::uuid is null or tenant_id = $1
), spans as (
    select n, now() - make_interval(secs => $2::float8 * ($3::int4 - n)) as begins_at,
           now() - make_interval(secs => $2::float8 * ($3::int4 - n - 1)) as ends_at
    from generate_series(0, $3::int4 - 1) as n
), came as (
    select floor(extract(epoch from now() - received_at) / $2::float8)::int4 as back, count(*) as events,
           percentile_cont(0.5) within group (order by extract(epoch from coalesce(processed_at, now()) - received_at)) as p50,
           max(extract(epoch from coalesce(processed_at, now()) - received_at)) as longest
    from looked where received_at > now() - make_interval(secs => $2::float8 * $3::int4) and received_at <= now()
    group by 1
), went as (
    select floor(extract(epoch from now() - processed_at) / $2::float8)::int4 as back, count(*) as events
    from looked where processed_at > now() - make_interval(secs => $2::float8 * $3::int4) and processed_at <= now()
    group by 1
)
select s.begins_at as "begins_at!", coalesce(came.events, 0) as "received!", coalesce(went.events, 0) as "settled!",
       came.p50::float8 as p50_seconds, came.longest::float8 as max_seconds,
       (select case when count(*) = $4 then min(received_at) end from newest) as looked_since
from spans s
left join came on came.back = $3::int4 - 1 - s.n
left join went on went.back = $3::int4 - 1 - s.n
order by s.n

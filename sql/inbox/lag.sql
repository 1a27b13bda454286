-- $1 since when events are counted, by when they were received
-- From the door to the commit of the effects. An event that was replayed counts from its receipt to its last commit.
select count(*) as "events!",
       percentile_cont(0.5) within group (order by lag) as p50_seconds,
       percentile_cont(0.9) within group (order by lag) as p90_seconds,
       percentile_cont(0.99) within group (order by lag) as p99_seconds,
       max(lag) as max_seconds
from (
    select extract(epoch from processed_at - received_at)::float8 as lag
    from webhook_events
    where received_at >= $1 and processed_at is not null
) as settled

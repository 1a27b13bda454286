-- $1 rows at most; $2 lanes in the order they are looked at, and of each: $3 where to begin, $4 rows to pass over,
-- $5 rows at most; $6 bytes of payload at most; $7 events to leave alone;
-- $8 whether payloads are wanted
-- skip locked lets claimers pass each other. The rows come off the queue in this transaction: a crash puts them back,
-- so nothing is ever stuck and nothing needs rescuing. What is no longer pending (settled or deleted by hand) just comes
-- off: its id is null here. A lane is looked at row by row, and no further than until there are enough.
-- The size of a payload is that of its jsonb, known without reading it; one row is taken in any case. Those that are too
-- many are locked until this transaction ends, and stay.
-- Payloads are read last, of the rows that are chosen: copied from step to step they cost as much as the whole search.
-- Events are looked up by an array and taken off by their place: no statistics, however old, make that a scan.
with due as materialized (
    select q.*, row_number() over () as n
    from (
        select q.*
        from unnest($2::smallint[], $3::timestamptz[], $4::bigint[], $5::bigint[]) as l (lane, since, passed, rows)
        cross join lateral (
            select q.ctid as tid, q.lane, q.next_attempt_at, q.event_id
            from event_queue q
            where q.lane = l.lane and q.next_attempt_at >= l.since and q.next_attempt_at <= now()
              and q.event_id <> all ($7::uuid[])
            order by q.next_attempt_at, q.event_id
            offset l.passed limit l.rows
            for update skip locked
        ) q
        limit $1
    ) q
), sized as materialized (
    select due.tid, due.lane, due.next_attempt_at, due.n, due.event_id,
           sum(e.size) over (order by due.n) as bytes
    from due left join (
        select e.id, pg_column_size(e.payload) as size from webhook_events e
        where e.id = any (array(select event_id from due)) and e.processed_at is null
    ) e on e.id = due.event_id
), fitting as materialized (
    select * from sized where n = 1 or bytes is null or bytes <= $6
), taken as (
    delete from event_queue where ctid = any (array(select tid from fitting))
)
select f.lane as "lane!", f.next_attempt_at as "due_at!", (select count(*) from due) as "seen!", e.id as "id?",
       e.connection_id as "connection_id?", t.id as "tenant_id?", e.provider as "provider?",
       e.event_type as "event_type?", e.external_event_id as "external_event_id?", e.occurred_at,
       e.received_at as "received_at?", e.attempts as "attempts?", e.campaign_rank, c.region as "connection_region?",
       t.region as "tenant_region?", (extract(epoch from t.outreach_delay) * 1000)::bigint as "tenant_outreach_delay_ms?",
       case when e.id is not null then case when $8 then e.payload::text else '{}' end end as payload,
       e.payload_removed_at is not null as payload_removed
from fitting f
left join (
    select * from webhook_events e where e.id = any (array(select event_id from fitting)) and e.processed_at is null
) e on e.id = f.event_id
left join connections c on c.id = e.connection_id
left join tenants t on t.id = coalesce(e.tenant_id, c.tenant_id)

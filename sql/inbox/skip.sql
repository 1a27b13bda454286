-- $1 provider, $2 type, $3 tenant, $4 received since, $5 received before (null: any), $6 ids (empty: any),
-- $14 lane, $7 due and $8 id after these, $9 rows at most, $10 note
-- $11 connection, $12 what the last attempt failed of (null: any), $13 ids up to this one
-- Taken off the queue as a processor takes them: what a processor has in hand is passed over, and is its own to settle.
-- Ids are ordered by time: what came after it was counted is nothing that anybody agreed to.
-- From the queue to each event by its key (`offset 0` keeps it so): from the events to the queue, each of them would read
-- the queue's whole index.
with chosen as materialized (
    select q.ctid as tid, q.lane, q.next_attempt_at, q.event_id
    from event_queue q
    cross join lateral (
        select from webhook_events e
        where e.id = q.event_id
          and e.processed_at is null
          and ($1::text is null or e.provider = $1)
          and ($2::text is null or e.event_type = $2)
          and ($3::uuid is null or e.tenant_id = $3)
          and ($4::timestamptz is null or e.received_at >= $4)
          and ($5::timestamptz is null or e.received_at < $5)
          and (cardinality($6::uuid[]) = 0 or e.id = any ($6))
          and ($11::uuid is null or e.connection_id = $11)
          and ($12::text is null or e.last_error = $12)
        offset 0
    ) e
    where (q.lane, q.next_attempt_at, q.event_id) > ($14, $7, $8) and q.event_id <= $13
    order by q.lane, q.next_attempt_at, q.event_id
    limit $9
    for update of q skip locked
), taken as (
    delete from event_queue where ctid = any (array(select tid from chosen))
), skipped as (
    update webhook_events e set processed_at = clock_timestamp(), outcome = 'ignored', note = $10
    where e.id = any (array(select event_id from chosen)) and e.processed_at is null
    returning e.id
), last as (
    select lane, next_attempt_at, event_id from chosen order by lane desc, next_attempt_at desc, event_id desc limit 1
)
select (select count(*) from skipped) as "rows!", (select lane from last) as last_lane,
       (select next_attempt_at from last) as last_due_at, (select event_id from last) as last_id

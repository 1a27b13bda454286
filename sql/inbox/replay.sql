-- $1 provider, $2 type, $3 tenant, $4 received since, $5 received before (null: any), $6 ids (empty: any),
-- $7 outcome (null: any), $8 ids after this one, $9 up to this one, $10 rows at most
-- $11 connection, $12 what the last attempt failed of (null: any)
-- Clearing processed_at is all: the triggers reset the attempts and put the event back into the queue. In the order
-- of ids, so that two operators cannot deadlock.
with chosen as materialized (
    select e.id
    from webhook_events e
    where e.id > $8 and e.id <= $9
      and e.processed_at is not null
      and ($7::text is null or e.outcome = $7)
      and ($1::text is null or e.provider = $1)
      and ($2::text is null or e.event_type = $2)
      and ($3::uuid is null or e.tenant_id = $3)
      and ($4::timestamptz is null or e.received_at >= $4)
      and ($5::timestamptz is null or e.received_at < $5)
      and (cardinality($6::uuid[]) = 0 or e.id = any ($6))
      and ($11::uuid is null or e.connection_id = $11)
      and ($12::text is null or e.last_error = $12)
    order by e.id
    limit $10
    for update of e
), replayed as (
    update webhook_events e set processed_at = null
    from chosen
    where e.id = chosen.id and e.processed_at is not null
    returning e.id
)
select (select count(*) from replayed) as "rows!", (select id from chosen order by id desc limit 1) as last_id

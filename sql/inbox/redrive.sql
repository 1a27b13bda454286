-- $1 provider, $2 type, $3 tenant, $4 received since, $5 received before (null: any), $6 ids (empty: any),
-- $7 ids after this one, $8 up to this one, $9 rows at most
-- $10 connection, $11 what the last attempt failed of (null: any)
-- A replay of dead events only, found by the index of failures. last_error stays until the next attempt.
with chosen as materialized (
    select e.id
    from webhook_events e
    where e.id > $7 and e.id <= $8
      and e.last_error is not null and e.outcome = 'dead'
      and ($1::text is null or e.provider = $1)
      and ($2::text is null or e.event_type = $2)
      and ($3::uuid is null or e.tenant_id = $3)
      and ($4::timestamptz is null or e.received_at >= $4)
      and ($5::timestamptz is null or e.received_at < $5)
      and (cardinality($6::uuid[]) = 0 or e.id = any ($6))
      and ($10::uuid is null or e.connection_id = $10)
      and ($11::text is null or e.last_error = $11)
    order by e.id
    limit $9
    for update of e
), redriven as (
    update webhook_events e set processed_at = null
    from chosen
    where e.id = chosen.id and e.outcome = 'dead'
    returning e.id
)
select (select count(*) from redriven) as "rows!", (select id from chosen order by id desc limit 1) as last_id

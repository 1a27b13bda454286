-- $1 tenants, $2 also events of no tenant, $3 pattern of the number, $4 platform ids of the person's calls,
-- $5 those of them that are long enough to be nothing else, $6 ids after this one (null: any), $7 events to look at
-- An event is theirs if its payload names the number, if it is about one of their calls, or if one of its values is the
-- id of such a call. Walked by the primary key, a page at a time: a payload has no index.
with page as materialized (
    select id, tenant_id, external_event_id, payload, payload_removed_at
    from webhook_events
    where id > coalesce($6, '00000000-0000-0000-0000-000000000000'::uuid)
    order by id
    limit $7
)
select (select id from page order by id desc limit 1) as last_id,
       array(
           select p.id
           from page p
           where p.payload_removed_at is null
             and (p.tenant_id = any ($1) or $2 and p.tenant_id is null)
             and (p.payload::text ~ $3
                  or split_part(p.external_event_id, ':', 1) = any ($4)
                  or exists (select from unnest($5::text[]) as known (id) where strpos(p.payload::text, known.id) > 0)
                     and exists (
                         select from jsonb_path_query(p.payload, 'strict $.**') as leaf
                         where jsonb_typeof(leaf) in ('string', 'number') and leaf #>> '{}' = any ($5)
                     ))
       ) as "ids!"

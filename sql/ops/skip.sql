-- Settles pending events as ignored, as `switchhook events skip` does. They are taken off the queue as a processor
-- takes them: what a processor has in hand is passed over, and is its own to settle.
--
--   psql "$DATABASE_URL" -v id=01890a5d-ac96-774b-bcce-b302099a8057 -f sql/ops/skip.sql
--   psql "$DATABASE_URL" -v type=transcript_updated -v reason='too many' -f sql/ops/skip.sql
--
-- provider, type   the platform, the event type
-- tenant           the slug of the tenant
-- since, until     received then or later, received earlier
-- id               one event
-- all=1            no filter: every event
-- dry_run=1        count only, by type
-- reason           why; it is kept with the event

\set ON_ERROR_STOP on
-- -v schema=…: where the tables are (database.schema), if not in public.
\if :{?schema}
    select set_config('search_path', quote_ident(:'schema'), false) as path \gset
\endif
\if :{?provider} \else \set provider '' \endif
\if :{?type} \else \set type '' \endif
\if :{?tenant} \else \set tenant '' \endif
\if :{?since} \else \set since '' \endif
\if :{?until} \else \set until '' \endif
\if :{?id} \else \set id '' \endif
\if :{?reason} \else \set reason '' \endif
\if :{?all} \else \set all 0 \endif
\if :{?dry_run} \else \set dry_run 0 \endif

select not :'all'::boolean
   and concat(:'provider', :'type', :'tenant', :'since', :'until', :'id') = '' as is_unfiltered \gset
\if :is_unfiltered
    \warn 'which events? name a filter (provider, type, tenant, since, until, id), or say -v all=1'
    do $$ begin raise exception 'nothing was changed'; end $$;
\endif

\if :dry_run
    select e.provider, e.event_type, count(*) as events
    from webhook_events e
    where e.id in (select q.event_id from event_queue q) and e.processed_at is null
      and (:'provider' = '' or e.provider = :'provider')
      and (:'type' = '' or e.event_type = :'type')
      and (:'tenant' = '' or e.tenant_id = (select id from tenants where slug = :'tenant'))
      and (:'since' = '' or e.received_at >= nullif(:'since', '')::timestamptz)
      and (:'until' = '' or e.received_at < nullif(:'until', '')::timestamptz)
      and (:'id' = '' or e.id = nullif(:'id', '')::uuid)
    group by e.provider, e.event_type
    order by count(*) desc, e.provider, e.event_type;
\else
    with chosen as materialized (
        -- From the queue to each event by its key, as sql/inbox/skip.sql.
        select q.ctid as tid, q.event_id
        from event_queue q
        cross join lateral (
            select from webhook_events e
            where e.id = q.event_id and e.processed_at is null
              and (:'provider' = '' or e.provider = :'provider')
              and (:'type' = '' or e.event_type = :'type')
              and (:'tenant' = '' or e.tenant_id = (select id from tenants where slug = :'tenant'))
              and (:'since' = '' or e.received_at >= nullif(:'since', '')::timestamptz)
              and (:'until' = '' or e.received_at < nullif(:'until', '')::timestamptz)
              and (:'id' = '' or e.id = nullif(:'id', '')::uuid)
            offset 0
        ) e
        order by q.lane, q.next_attempt_at, q.event_id
        for update of q skip locked
    ), taken as (
        delete from event_queue where ctid = any (array(select tid from chosen))
    ), skipped as (
        update webhook_events e
        set processed_at = clock_timestamp(), outcome = 'ignored',
            note = concat_ws(': ', 'skipped by hand', nullif(:'reason', ''))
        where e.id = any (array(select event_id from chosen)) and e.processed_at is null
        returning e.id
    )
    insert into operator_log (actor, tenant_id, action, row_count, details)
    select 'psql', (select id from tenants where slug = :'tenant'), 'skip', count(*),
           jsonb_build_object('filter', jsonb_strip_nulls(jsonb_build_object(
               'provider', nullif(:'provider', ''), 'event_type', nullif(:'type', ''), 'tenant', nullif(:'tenant', ''),
               'since', nullif(:'since', ''), 'until', nullif(:'until', ''), 'id', nullif(:'id', ''))))
    from skipped
    returning row_count as skipped;
\endif

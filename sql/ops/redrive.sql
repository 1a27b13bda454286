-- Processes dead events again, as `switchhook dead redrive` does.
--
--   psql "$DATABASE_URL" -v provider=retell -v since='2026-01-01' -f sql/ops/redrive.sql
--   psql "$DATABASE_URL" -v all=1 -f sql/ops/redrive.sql
--
-- provider, type   the platform, the event type
-- tenant           the slug of the tenant
-- since, until     received then or later, received earlier
-- id               one event
-- all=1            no filter: every event
-- dry_run=1        count only, by type

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
    where e.last_error is not null and e.outcome = 'dead'
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
        select e.id
        from webhook_events e
        where e.last_error is not null and e.outcome = 'dead'
          and (:'provider' = '' or e.provider = :'provider')
          and (:'type' = '' or e.event_type = :'type')
          and (:'tenant' = '' or e.tenant_id = (select id from tenants where slug = :'tenant'))
          and (:'since' = '' or e.received_at >= nullif(:'since', '')::timestamptz)
          and (:'until' = '' or e.received_at < nullif(:'until', '')::timestamptz)
          and (:'id' = '' or e.id = nullif(:'id', '')::uuid)
        order by e.id
        for update of e
    ), redriven as (
        update webhook_events e set processed_at = null
        from chosen
        where e.id = chosen.id
        returning e.id
    )
    insert into operator_log (actor, tenant_id, action, row_count, details)
    select 'psql', (select id from tenants where slug = :'tenant'), 'redrive', count(*),
           jsonb_build_object('filter', jsonb_strip_nulls(jsonb_build_object(
               'provider', nullif(:'provider', ''), 'event_type', nullif(:'type', ''), 'tenant', nullif(:'tenant', ''),
               'since', nullif(:'since', ''), 'until', nullif(:'until', ''), 'id', nullif(:'id', ''))))
    from redriven
    returning row_count as redriven;
\endif

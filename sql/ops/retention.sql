-- Deletes settled events that are old, with their payloads; pending and dead ones stay, whatever their age, and so does
-- what the events made of calls and leads. A copy of a deleted event that comes in again is a new event, and changes
-- nothing; but deleted events cannot be replayed. Refusals at the door (rejections) go as well. In chunks, each a
-- transaction of its own.
--
--   psql "$DATABASE_URL" -v keep='180 days' -f sql/ops/retention.sql
--   psql "$DATABASE_URL" -v keep='180 days' -v dry_run=1 -f sql/ops/retention.sql
--
-- keep        how long events are kept, by when they were received: an interval, a day at least; without it nothing
--             is deleted
-- chunk       events in one transaction [5000]
-- dry_run=1   count only, by type

\set ON_ERROR_STOP on
-- -v schema=…: where the tables are (database.schema), if not in public.
\if :{?schema}
    select set_config('search_path', quote_ident(:'schema'), false) as path \gset
\endif
\if :{?chunk} \else \set chunk 5000 \endif
\if :{?dry_run} \else \set dry_run 0 \endif
\if :{?keep}
\else
    \warn 'how long are events kept? say -v keep=''180 days'''
    do $$ begin raise exception 'nothing was deleted'; end $$;
\endif

\if :dry_run
    select provider, event_type, outcome, count(*) as events, min(received_at) as first_at, max(received_at) as last_at
    from webhook_events
    where received_at < now() - :'keep'::interval and outcome in ('processed', 'ignored')
    group by provider, event_type, outcome
    order by count(*) desc, provider, event_type, outcome;
\else
    -- The block below cannot see psql's variables: they are handed in as settings of this session.
    select set_config('switchhook.keep', :'keep', false) as keep,
           set_config('switchhook.chunk', :'chunk', false) as chunk;

    do $$
    << retention >>
    declare
        keep constant interval := current_setting('switchhook.keep');
        before constant timestamptz := now() - keep;
        chunk constant bigint := current_setting('switchhook.chunk');
        deleted bigint;
        total bigint := 0;
        place bigint := 0;
        last_place bigint;
    begin
        if keep < interval '1 day' then
            raise exception 'keep must be a day at least';
        end if;
        if chunk < 1 then
            raise exception 'chunk must be 1 at least';
        end if;
        -- Found in one pass, so that no chunk has to look past what the chunks before it deleted.
        create temporary table old_events as
        select row_number() over () as place, id
        from webhook_events
        where received_at < before and outcome in ('processed', 'ignored');
        get diagnostics last_place = row_count;
        create unique index on old_events (place);
        analyze old_events;
        commit;
        while place < last_place loop
            delete from webhook_events e
            using old_events o
            where o.place > retention.place and o.place <= retention.place + chunk and e.id = o.id
              -- What was replayed meanwhile is wanted.
              and e.outcome in ('processed', 'ignored');
            get diagnostics deleted = row_count;
            place := place + chunk;
            total := total + deleted;
            insert into operator_log (actor, action, row_count, details)
            values ('psql', 'retention', deleted, jsonb_build_object('keep', keep, 'received_before', before));
            commit;
            raise notice '% of % deleted', total, last_place;
        end loop;
        drop table old_events;
        delete from rejections where at < before;
        get diagnostics deleted = row_count;
        raise notice '% rejections deleted', deleted;
    end $$;
\endif

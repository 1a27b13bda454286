-- Searching: the words of transcripts, the names of leads, the last digits of numbers.

-- Beside calls and not in it: an index over words on calls would have every change of a call that touches them, and
-- reading a call would not be cheaper. Written once or twice in a call's life, when its transcript comes.
create table call_words (
    call_id uuid primary key,
    tenant_id uuid not null,
    words tsvector not null
);
comment on table call_words is 'the words of each transcript, for searching; derived: the triggers below keep it true to calls';
comment on column call_words.words is 'of no language in particular: transcripts are of many, and some of two';

-- The bound keeps a nonsensical transcript from being more than a tsvector holds; it is more than two hours of talk.
create function transcript_words(transcript text) returns tsvector language sql immutable parallel safe
return to_tsvector('simple', left(transcript, 200000));

create function calls_keep_words() returns trigger language plpgsql set search_path from current as $$
begin
    if tg_op = 'DELETE' or new.transcript is null then
        delete from call_words where call_id = old.id;
    else
        insert into call_words (call_id, tenant_id, words)
        values (new.id, new.tenant_id, transcript_words(new.transcript))
        on conflict (call_id) do update set words = excluded.words;
    end if;
    return null;
end $$;
-- The WHEN clauses make them free for every write that brings no transcript.
create trigger calls_words_come after insert on calls
    for each row when (new.transcript is not null and new.marks is null) execute function calls_keep_words();
create trigger calls_words_change after update on calls
    for each row when (old.transcript is distinct from new.transcript
                       and (old.transcript is not null or new.marks is not distinct from old.marks))
    execute function calls_keep_words();
create trigger calls_words_go after delete on calls
    for each row when (old.transcript is not null) execute function calls_keep_words();

insert into call_words (call_id, tenant_id, words)
select id, tenant_id, transcript_words(transcript) from calls where transcript is not null;

-- New words wait in a list that every search reads through; a short one is soon read, and soon put away.
create index call_words_idx on call_words using gin (words) with (gin_pending_list_limit = 512);

-- A lead's number never changes and its name seldom, so that updates of leads stay heap-only.
create index leads_digits_idx on leads (tenant_id, reverse(phone));
create index leads_name_idx on leads using gin (to_tsvector('simple', coalesce(name_by_hand, name, '')))
    with (gin_pending_list_limit = 512);

-- Where a text still stands that fits a pattern (0008_retention.sql), now also among words. What cannot be looked at is
-- named with the reason, an SQLSTATE: tables that the program's role may not read, views without data, tables that
-- somebody holds for longer than the lock's time-out. One of them must not end the search through all the others.
drop function places_of(text, uuid[]);
create function places_of(pattern text, tenants uuid[]) returns table (place text, row_count bigint, unread text)
language plpgsql stable set search_path from current set lock_timeout = '2s' as $$
declare
    found record;
    column_name name;
begin
    for found in
        select format('%I.%I', n.nspname, c.relname) as name, array_agg(a.attname order by a.attname) as columns,
               exists (select from pg_attribute t where t.attrelid = c.oid and t.attname = 'tenant_id'
                       and t.atttypid = 'uuid'::regtype and not t.attisdropped) as has_tenant,
               case when not has_schema_privilege(n.oid, 'usage') or not has_table_privilege(c.oid, 'select') then '42501'
                    when not c.relispopulated then '55000' end as reason
        from pg_class c
        join pg_namespace n on n.oid = c.relnamespace
        join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
        where c.relkind in ('r', 'm') and n.nspname not like 'pg\_%' and n.nspname <> 'information_schema'
          and a.atttypid in ('text'::regtype, 'varchar'::regtype, 'bpchar'::regtype, 'json'::regtype, 'jsonb'::regtype,
                             'xml'::regtype, 'bigint'::regtype, 'numeric'::regtype, 'text[]'::regtype,
                             'varchar[]'::regtype, 'tsvector'::regtype)
        group by c.oid, n.oid, n.nspname, c.relname, c.relispopulated
        order by 1
    loop
        begin
            if found.reason is not null then
                raise exception using errcode = found.reason;
            end if;
            foreach column_name in array found.columns loop
                execute format('select count(*) from %s where %I::text ~ $1', found.name, column_name)
                     || case when found.has_tenant and tenants is not null then ' and tenant_id = any ($2)' else '' end
                into row_count using pattern, tenants;
                if row_count > 0 then
                    place := found.name || '.' || quote_ident(column_name);
                    return next;
                end if;
            end loop;
        exception when others then
            place := found.name;
            row_count := null;
            unread := sqlstate;
            return next;
            unread := null;
        end;
    end loop;
end $$;

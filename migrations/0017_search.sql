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
    for each row when (new.transcript is not null) execute function calls_keep_words();
create trigger calls_words_change after update on calls
    for each row when (old.transcript is distinct from new.transcript) execute function calls_keep_words();
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

-- Where a text still stands that fits a pattern (0008_retention.sql), now also among words.
create or replace function places_of(pattern text, tenants uuid[]) returns table (place text, row_count bigint)
language plpgsql stable set search_path from current as $$
declare
    found record;
begin
    for found in
        select c.oid, format('%I.%I', n.nspname, c.relname) as name, a.attname,
               exists (select from pg_attribute t where t.attrelid = c.oid and t.attname = 'tenant_id'
                       and t.atttypid = 'uuid'::regtype and not t.attisdropped) as has_tenant
        from pg_class c
        join pg_namespace n on n.oid = c.relnamespace
        join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
        where c.relkind in ('r', 'm') and n.nspname not like 'pg\_%' and n.nspname <> 'information_schema'
          and a.atttypid in ('text'::regtype, 'varchar'::regtype, 'bpchar'::regtype, 'json'::regtype, 'jsonb'::regtype,
                             'xml'::regtype, 'bigint'::regtype, 'numeric'::regtype, 'text[]'::regtype,
                             'varchar[]'::regtype, 'tsvector'::regtype)
          and has_schema_privilege(n.oid, 'usage') and has_table_privilege(c.oid, 'select')
        order by 2, 3
    loop
        execute format('select count(*) from %s where %I::text ~ $1', found.name, found.attname)
             || case when found.has_tenant and tenants is not null then ' and tenant_id = any ($2)' else '' end
        into row_count using pattern, tenants;
        if row_count > 0 then
            place := found.name || '.' || quote_ident(found.attname);
            return next;
        end if;
    end loop;
end $$;

-- Words are parsed a moment after their transcript came. Parsing takes a third as long as everything else that an event
-- does, so a trigger that did it halved what a backlog was worked off with; now a mark is left (also by the statement that
-- writes calls: calls.marks), and the words follow (src/store/follow.rs).

create table call_words_due (
    call_id uuid not null,
    id uuid primary key default gen_random_uuid()
) with (
    autovacuum_vacuum_scale_factor = 0.0,
    autovacuum_vacuum_threshold = 20000,
    autovacuum_vacuum_cost_delay = 0
);
comment on table call_words_due is 'calls whose transcript has changed since their words were parsed; a call may stand here several times';
comment on table call_words is 'the words of each transcript, for searching; derived: whatever writes a call takes its old words away and leaves a mark, by which the program parses the new ones';

-- What was said and is no more goes at once. The mark is left then, too: words that are being parsed in this moment would
-- come after.
create or replace function calls_keep_words() returns trigger language plpgsql set search_path from current as $$
begin
    if tg_op <> 'INSERT' and old.transcript is not null then
        delete from call_words where call_id = old.id;
    end if;
    insert into call_words_due (call_id) values (coalesce(new.id, old.id));
    return null;
end $$;

-- It must not fail: many are parsed in one statement, and one that cannot be would keep back all that come after it. A
-- tsvector holds 1 MB. Words with hyphens are kept whole and in parts, and each costs some bytes beside its letters: 300 kB
-- of text always fit, and 200,000 letters of three bytes need not. 100,000 fit, also of four.
create or replace function transcript_words(transcript text) returns tsvector
language plpgsql immutable set search_path from current as $$
begin
    if octet_length(transcript) <= 300000 then
        return to_tsvector('simple', left(transcript, 200000));
    end if;
    begin
        return to_tsvector('simple', left(transcript, 200000));
    exception when program_limit_exceeded then
        return to_tsvector('simple', left(transcript, 100000));
    end;
end $$;

-- $1 marks at once
-- After sql/store/lock_words.sql and sql/store/hold_off_erasure.sql. A transcript that changes while this runs leaves
-- another mark, by which its words are parsed anew, or go. What certainly fits is parsed here, as transcript_words() would:
-- calling it takes as long again. Rows are written in the order in which events write calls, so
-- that neither waits for the other in a circle. Returns how many marks were taken.
with due as materialized (
    delete from call_words_due
    where ctid = any (array(select ctid from call_words_due limit $1))
    returning call_id
), chosen as materialized (
    select d.call_id, c.tenant_id, c.transcript
    from (select distinct call_id from due) d
    left join calls c on c.id = d.call_id
), gone as (
    delete from call_words w using chosen where w.call_id = chosen.call_id and chosen.transcript is null
), parsed as (
    insert into call_words (call_id, tenant_id, words)
    select call_id, tenant_id, case
        when octet_length(transcript) <= 300000 then to_tsvector('simple', left(transcript, 200000))
        else transcript_words(transcript)
    end from chosen where transcript is not null
    order by call_id
    on conflict (call_id) do update set words = excluded.words
)
select count(*) as "marks!" from due

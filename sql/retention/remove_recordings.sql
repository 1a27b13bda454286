-- $1 ids, $2 action
-- Anonymised: that there was one, of what kind and how long.
with free as (
    select id from recordings where id = any ($1) order by id for update skip locked
), deleted as (
    delete from recordings m using free where m.id = free.id and $2::text = 'delete' returning m.id
), anonymised as (
    update recordings m set url = null, audio = null, audio_type = null, audio_sha256 = null
    from free
    where m.id = free.id and $2 = 'anonymise'
    returning m.id
)
select (select count(*) from deleted) + (select count(*) from anonymised) as "rows!"

-- $1 ids, $2 action
-- Anonymised: when, why, of which platform, how often.
with free as (
    select id from rejections where id = any ($1) order by id for update skip locked
), deleted as (
    delete from rejections j using free where j.id = free.id and $2::text = 'delete' returning j.id
), anonymised as (
    update rejections j set address = null, connection = null, body_digest = null
    from free
    where j.id = free.id and $2 = 'anonymise'
    returning j.id
)
select (select count(*) from deleted) + (select count(*) from anonymised) as "rows!"

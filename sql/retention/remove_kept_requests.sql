-- $1 ids, $2 action: nothing of a sealed request is worth keeping without it
with free as (
    select id from kept_requests where id = any ($1) order by id for update skip locked
), deleted as (
    delete from kept_requests k using free where k.id = free.id and $2::text in ('delete', 'anonymise') returning k.id
)
select count(*) as "rows!" from deleted

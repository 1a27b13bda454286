-- $1 ids, $2 action
-- Anonymised: of which call, when, sentiment, success and score.
with free as (
    select id, kind from lead_analytics where id = any ($1) order by id for update skip locked
), deleted as (
    delete from lead_analytics a using free
    where a.id = free.id and ($2::text = 'delete' or free.kind = 'complete')
    returning a.id
), anonymised as (
    update lead_analytics a set phone = null, summary = null, data = null
    from free
    where a.id = free.id and $2 = 'anonymise' and free.kind = 'individual'
    returning a.id
)
select (select count(*) from deleted) + (select count(*) from anonymised) as "rows!"

-- $1 ids, $2 action
-- Anonymised: that there was one, on which channel, which way, when, and how far it came. The platform's id goes:
-- WhatsApp's has the number in it.
with free as (
    select id from messages where id = any ($1) order by id for update skip locked
), deleted as (
    delete from messages m using free where m.id = free.id and $2::text = 'delete' returning m.id
), anonymised as (
    update messages m set provider_message_id = m.id::text, from_number = null, to_number = null,
                          contact_number = null, body = null, error = null
    from free
    where m.id = free.id and $2 = 'anonymise'
    returning m.id
)
select (select count(*) from deleted) + (select count(*) from anonymised) as "rows!"

-- $1 ids, $2 action: either takes the link away
with free as (
    select id from calls where id = any ($1) and $2::text is not null order by id for update skip locked
)
update calls c set recording_url = null
from free
where c.id = free.id

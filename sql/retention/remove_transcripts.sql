-- $1 ids, $2 action: there is one
-- The rank stays: a replay of the report that brought the transcript does not bring it again.
with free as (
    select id from calls where id = any ($1) and $2::text = 'delete' order by id for update skip locked
)
update calls c set transcript = null, transcript_turns = null
from free
where c.id = free.id

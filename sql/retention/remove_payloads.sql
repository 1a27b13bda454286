-- $1 ids, $2 action: there is one
-- An event that somebody is replaying is passed by: waiting for it could be a deadlock, and the next run finds it.
with free as (
    select id from webhook_events
    where id = any ($1) and $2::text = 'delete' and payload_removed_at is null and processed_at is not null
    order by id
    for update skip locked
)
update webhook_events e set payload = '{}', payload_removed_at = now()
from free
where e.id = free.id

-- $1 calls, $2 messages
-- Those that belong to somebody who was erased: a later report of them may name no number.
select id as "id!" from calls where id = any ($1) and forgotten_at is not null
union all
select id from messages where id = any ($2) and forgotten_at is not null

-- $1 ids, $2 action
-- Sentiment and success count, and stay with an anonymised call. The rank stays, as for transcripts.
with free as (
    select id from calls where id = any ($1) order by id for update skip locked
)
update calls c set
    summary = null, analysis = null,
    sentiment = case when $2::text = 'delete' then null else c.sentiment end,
    successful = case when $2 = 'delete' then null else c.successful end
from free
where c.id = free.id

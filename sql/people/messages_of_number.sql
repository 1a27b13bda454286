-- $1 tenant, $2 number, $3 rows, $4 and $5 the last row before (null: from the newest on)
-- By messages_contact_idx; those without a time come last.
select id, provider, channel, direction, from_number, to_number, contact_number, body, status::text as status, error,
       sent_at
from messages
where tenant_id = $1 and contact_number = $2
  and ($5::uuid is null or sent_at < $4 or sent_at = $4 and id > $5
       or sent_at is null and ($4::timestamptz is not null or id > $5))
order by sent_at desc nulls last, id
limit $3

-- $1 tenant, $2 and $3 the last row of the page before (null: the first page), $4 channel, $5 direction, $6 status
-- (null: any), $7 rows, $8 rows to look at
-- Keyset pages over messages_recent_idx, as sql/people/list_calls.sql.
select id as "id!", provider as "provider!", channel as "channel!", direction as "direction!", from_number, to_number,
       contact_number, body, status, error, sent_at
from (
    (select id, provider, channel, direction, from_number, to_number, contact_number, body, status::text as status,
            error, sent_at
     from messages
     where tenant_id = $1
       and sent_at <= case when $3::uuid is null then 'infinity'::timestamptz
                           else coalesce($2, '-infinity'::timestamptz) end
       and ($3::uuid is null or sent_at < $2 or id > $3)
     order by sent_at desc nulls last, id
     limit $8)
    union all
    (select id, provider, channel, direction, from_number, to_number, contact_number, body, status::text as status,
            error, sent_at
     from messages
     where tenant_id = $1 and sent_at is null and ($3::uuid is null or $2::timestamptz is not null or id > $3)
     order by sent_at desc nulls last, id
     limit $8)
) m
where ($4::text is null or channel = $4) and ($5::text is null or direction = $5) and ($6::text is null or status = $6)
order by sent_at desc nulls last, id
limit $7

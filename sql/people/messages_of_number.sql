-- $1 tenant, $2 number, $3 rows
select id, provider, channel, direction, from_number, to_number, contact_number, body, status::text as status, error,
       sent_at
from messages
where tenant_id = $1 and contact_number = $2
order by sent_at desc nulls last, id
limit $3

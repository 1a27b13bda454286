-- $1.. one array a column, in the order of the insert; sorted by id
-- The merge is MessageRow::fold (src/domain/message.rs).
insert into messages as m
    (id, tenant_id, provider, provider_message_id, channel, direction, from_number, to_number, contact_number, body,
     body_rank, status, error, sent_at, job_id)
select id, tenant_id, provider, provider_message_id, channel, direction, from_number, to_number, contact_number, body,
       body_rank, status::message_status, error, sent_at, job_id
from unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[],
            $9::text[], $10::text[], $11::text[], $12::text[], $13::text[], $14::timestamptz[],
            $15::uuid[])
    as t (id, tenant_id, provider, provider_message_id, channel, direction, from_number, to_number, contact_number,
          body, body_rank, status, error, sent_at, job_id)
on conflict (id) do update set
    channel = greatest(m.channel, excluded.channel),
    direction = greatest(m.direction, excluded.direction),
    from_number = greatest(m.from_number, excluded.from_number),
    to_number = greatest(m.to_number, excluded.to_number),
    contact_number = greatest(m.contact_number, excluded.contact_number),
    body = case when excluded.body_rank > coalesce(m.body_rank, '') then excluded.body else m.body end,
    body_rank = greatest(m.body_rank, excluded.body_rank),
    status = greatest(m.status, excluded.status),
    error = greatest(m.error, excluded.error),
    sent_at = least(m.sent_at, excluded.sent_at),
    job_id = greatest(m.job_id, excluded.job_id)

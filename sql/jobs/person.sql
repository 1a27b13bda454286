-- $1 call, $2 since when an answer counts (null: since the call began), $3 now
-- What is known of the person at this moment: whether they were reached or wrote meanwhile, who may write to them, and
-- from which sender.
select coalesce(c.ended_at, c.started_at, c.created_at) as "called_at!", c.tenant_id, c.contact_number as "phone?", c.provider_status,
       coalesce(l.name_by_hand, l.name) as "name?",
       coalesce(l.opted_out_by_hand, l.opted_out, false) as "has_opted_out!",
       (c.answered_at is not null or coalesce(c.disposition = 'answered', false)) as "was_answered!",
       exists (select from calls o
               where o.tenant_id = c.tenant_id and o.contact_number = c.contact_number and o.id <> c.id
                 and (o.disposition = 'answered' or o.answered_at is not null)
                 and coalesce(o.ended_at, o.answered_at, o.started_at) >= coalesce($2, c.started_at, c.created_at)
       ) as "was_reached!",
       exists (select from messages m
               where m.tenant_id = c.tenant_id and m.contact_number = c.contact_number and m.direction = 'inbound'
                 and coalesce(m.sent_at, m.created_at) >= coalesce($2, c.started_at, c.created_at)
       ) as "has_written!",
       coalesce((select max(m.sent_at) from messages m
                 where m.tenant_id = c.tenant_id and m.contact_number = c.contact_number
                   and m.direction = 'inbound' and m.channel = 'whatsapp') > $3::timestamptz - interval '24 hours',
                false) as "window_is_open!",
       (select max(m.sent_at) from messages m
        where m.tenant_id = c.tenant_id and m.contact_number = c.contact_number and m.direction = 'outbound'
          and m.channel = 'whatsapp') as "last_written_at?",
       exists (select from phone_numbers p where p.number = c.contact_number) as "is_ours!",
       (select p.sender from phone_numbers p where p.number = c.our_number and p.tenant_id = c.tenant_id) as "sender?"
from calls c
left join leads l on l.tenant_id = c.tenant_id and l.phone = c.contact_number
where c.id = $1

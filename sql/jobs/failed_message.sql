-- $1 message, $2 tenant: a message that failed, and the outreach of its person that is open
select m.status::text as "status?", m.error, o.id as "outreach_id?", o.call_id as "call_id?", o.started_at as "started_at?",
       (select count(*) from messages f
        where f.tenant_id = m.tenant_id and f.contact_number = m.contact_number and f.status = 'failed'
          and f.direction = 'outbound' and f.sent_at >= o.started_at) as "failures!"
from messages m
left join leads l on l.tenant_id = m.tenant_id and l.phone = m.contact_number
left join outreaches o on o.tenant_id = m.tenant_id and o.lead_id = l.id and o.ended_at is null
where m.id = $1 and m.tenant_id = $2

-- $1 now
-- Outreaches whose person has written or was spoken to since they began are over; their reminders are called off, unless
-- one is being carried out this moment, which looks for itself, or was perhaps sent, which a person is told of.
-- By its key: `outcome is null` says what `settled_at is null` says, without offering the index of jobs that wait, which looks
-- cheaper where the statistics say that none does.
with answered as (
    select o.id, o.tenant_id, l.phone,
           exists (select from messages m
                   where m.tenant_id = o.tenant_id and m.contact_number = l.phone and m.direction = 'inbound'
                     and coalesce(m.sent_at, m.created_at) >= o.started_at) as has_written,
           exists (select from calls c
                   where c.tenant_id = o.tenant_id and c.contact_number = l.phone and c.id <> o.call_id
                     and (c.disposition = 'answered' or c.answered_at is not null)
                     and coalesce(c.ended_at, c.answered_at, c.started_at) >= o.started_at) as was_reached
    from outreaches o
    join leads l on l.id = o.lead_id
    where o.ended_at is null
),
ended as (
    update outreaches o set ended_at = $1,
        end_reason = case when a.has_written then 'they have written meanwhile'
                          else 'they were reached by telephone meanwhile' end
    from answered a
    where o.id = a.id and o.ended_at is null and (a.has_written or a.was_reached)
    returning o.id, o.tenant_id, o.end_reason
),
cancelled as (
    update jobs j set settled_at = $1, outcome = 'cancelled', lease_until = null, needs_person = false,
        note = 'the outreach has ended: ' || e.end_reason
    from ended e
    where j.kind = 'send_reminder' and j.key in (e.id || ':1', e.id || ':2') and j.outcome is null
      and (j.lease_until is null or j.lease_until <= $1) and j.sending_at is null
)
select id, tenant_id from ended order by id

-- Of a call or a message of somebody who was erased nothing personal is left, and no report has brought it back.
select 'call ' || c.id as id
from calls c
where c.forgotten_at is not null
  and num_nonnulls(c.contact_number, c.from_number, c.to_number, c.from_raw, c.to_raw, c.transcript, c.transcript_turns,
                   c.summary, c.analysis, c.recording_url) > 0
union all
select 'message ' || m.id
from messages m
where m.forgotten_at is not null
  and num_nonnulls(m.contact_number, m.from_number, m.to_number, m.body, m.error) > 0
union all
select 'analysis ' || a.id
from lead_analytics a
join calls c on c.id = a.call_id
where c.forgotten_at is not null and num_nonnulls(a.phone, a.summary, a.data) > 0
union all
select 'recording ' || r.id
from recordings r
join calls c on c.id = r.call_id
where c.forgotten_at is not null

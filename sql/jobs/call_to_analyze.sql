-- $1 call, $2 time zone
select c.provider, c.provider_call_id, c.contact_number as "phone?", c.direction::text, c.disposition::text,
       c.agent_name, c.duration_ms, to_char(c.started_at at time zone $2, 'YYYY-MM-DD"T"HH24:MI:SS') as started_at,
       c.transcript, c.transcript_turns::text as turns
from calls c
where c.id = $1

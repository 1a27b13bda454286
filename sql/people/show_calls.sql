-- $1 calls, in the order in which they are shown; $2 tenant
select id as "id!", provider as "provider!", provider_call_id as "provider_call_id!", direction, status, disposition,
       provider_status, contact_number, our_number, from_number, from_raw, to_number, to_raw, agent_id, agent_name,
       campaign_id, started_at, answered_at, ended_at, duration_ms, talk_ms, summary, sentiment, successful, converted,
       is_missed as "is_missed!", needs_review as "needs_review!", recording_url, has_transcript as "has_transcript!",
       conversation_of(id, tenant_id, provider, contact_number, our_number, started_at, ended_at) as "conversation_id!"
from call_items
where id = any ($1) and tenant_id = $2
order by array_position($1, id)

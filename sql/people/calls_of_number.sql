-- $1 tenant, $2 number in E.164, $3 and $4 the last row of the page before (null: the first page), $5 rows
-- The calls of one person, by calls_contact_idx: they are few enough to be sorted.
select id as "id!", provider as "provider!", provider_call_id as "provider_call_id!", direction, status, disposition,
       provider_status, contact_number, our_number, from_number, from_raw, to_number, to_raw, agent_id, agent_name,
       campaign_id, started_at, answered_at, ended_at, duration_ms, talk_ms, summary, sentiment, successful, converted,
       is_missed as "is_missed!", needs_review as "needs_review!", recording_url, has_transcript as "has_transcript!",
       conversation_of(id, tenant_id, provider, contact_number, our_number, started_at, ended_at) as "conversation_id!"
from call_items
where tenant_id = $1 and contact_number = $2
  and ($4::uuid is null or started_at < $3 or (started_at = $3 and id > $4)
       or (started_at is null and ($3::timestamptz is not null or id > $4)))
order by started_at desc nulls last, id
limit $5

-- $1 tenant, $2 and $3 the last row of the page before (null: the first page), $4 rows
-- Keyset pages over calls_recent_idx; calls without any time come last.
select id, provider, provider_call_id, direction::text, status::text, disposition::text, provider_status,
       contact_number, our_number, from_number, from_raw, to_number, to_raw, agent_id, agent_name,
       coalesce(campaign_id_by_hand, campaign_id) as campaign_id,
       started_at, answered_at, ended_at, duration_ms, summary, sentiment::text, successful, recording_url,
       transcript is not null as "has_transcript!",
       conversation_of(id, tenant_id, provider, contact_number, our_number, started_at, ended_at) as "conversation_id!"
from calls
where tenant_id = $1
  and ($3::uuid is null
       or started_at < $2
       or (started_at = $2 and id > $3)
       or (started_at is null and ($2::timestamptz is not null or id > $3)))
order by started_at desc nulls last, id
limit $4

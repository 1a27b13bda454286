-- $1 call, $2 tenant (null: any)
select c.id, c.tenant_id, t.slug as tenant, c.provider, c.provider_call_id, c.parent_call_id, c.direction::text,
       c.status::text, c.disposition::text, c.provider_status, c.contact_number, c.our_number, c.from_number, c.from_raw,
       c.to_number, c.to_raw, c.agent_id, c.agent_name, c.campaign_id, c.campaign_id_by_hand, m.name as "campaign?",
       c.converted_by_hand as converted, c.initiated_at, c.ringing_at, c.answered_at, c.ended_at, c.started_at,
       c.created_at, c.duration_ms, c.talk_ms, c.hangup_by, c.hangup_reason, c.hangup_at, c.recording_url, c.transcript,
       c.transcript_turns::text as transcript_turns, c.summary, c.sentiment::text, c.successful,
       c.analysis::text as analysis, c.analysis_at, c.completed_at, c.cost, c.cost_unit,
       conversation_of(c.id, c.tenant_id, c.provider, c.contact_number, c.our_number, c.started_at, c.ended_at)
           as "conversation_id!"
from calls c
join tenants t on t.id = c.tenant_id
left join campaigns m on m.id = coalesce(c.campaign_id_by_hand, c.campaign_id)
where c.id = $1 and ($2::uuid is null or c.tenant_id = $2)

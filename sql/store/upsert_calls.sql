-- $1.. one array a column, in the order of the insert; one row a call, sorted by id so that workers cannot deadlock
-- The merge is CallRow::fold (src/domain/call.rs): greatest and least skip nulls, a group goes to the larger rank.
-- Beside the calls it leaves what their triggers leave for rows that are written otherwise, for all of them at once: the
-- words of transcripts that have come, and late calls' quarters of an hour. A transcript that takes the place of another,
-- and a call that moves to another hour, are left to the triggers.
with written as (
    insert into calls as c (
        id, tenant_id, provider, provider_call_id, parent_call_id, direction, status, provider_status,
        provider_status_rank, disposition, from_raw, from_number, to_raw, to_number, our_number, contact_number, agent_id,
        agent_name, campaign_rank, initiated_at, ringing_at, answered_at, ended_at, duration_ms, talk_ms, duration_rank,
        hangup_at, hangup_by, hangup_reason, hangup_rank, recording_at, recording_url, recording_rank, transcript_at,
        transcript, transcript_turns, transcript_rank, analysis_at, summary, sentiment, successful, analysis,
        analysis_rank, cost_at, cost, cost_unit, cost_rank, marks
    )
    select
        id, tenant_id, provider, provider_call_id, parent_call_id, direction::call_direction, status::call_status,
        provider_status, provider_status_rank, disposition::call_disposition, from_raw, from_number, to_raw, to_number,
        our_number, contact_number, agent_id, agent_name, campaign_rank, initiated_at, ringing_at, answered_at, ended_at,
        duration_ms, talk_ms, duration_rank, hangup_at, hangup_by, hangup_reason, hangup_rank, recording_at,
        recording_url, recording_rank, transcript_at, transcript, transcript_turns::jsonb, transcript_rank, analysis_at,
        summary, sentiment::sentiment, successful, analysis::jsonb, analysis_rank, cost_at, cost, cost_unit, cost_rank,
        case when transcript is null then 2 else 3 end
    from unnest(
        $1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[],
        $10::text[], $11::text[], $12::text[], $13::text[], $14::text[], $15::text[], $16::text[], $17::text[],
        $18::text[], $19::text[], $20::timestamptz[], $21::timestamptz[], $22::timestamptz[], $23::timestamptz[],
        $24::bigint[], $25::bigint[], $26::text[], $27::timestamptz[], $28::text[], $29::text[], $30::text[],
        $31::timestamptz[], $32::text[], $33::text[], $34::timestamptz[], $35::text[], $36::text[], $37::text[],
        $38::timestamptz[], $39::text[], $40::text[], $41::boolean[], $42::text[], $43::text[], $44::timestamptz[],
        $45::double precision[], $46::text[], $47::text[]
    ) as t (
        id, tenant_id, provider, provider_call_id, parent_call_id, direction, status, provider_status,
        provider_status_rank, disposition, from_raw, from_number, to_raw, to_number, our_number, contact_number, agent_id,
        agent_name, campaign_rank, initiated_at, ringing_at, answered_at, ended_at, duration_ms, talk_ms, duration_rank,
        hangup_at, hangup_by, hangup_reason, hangup_rank, recording_at, recording_url, recording_rank, transcript_at,
        transcript, transcript_turns, transcript_rank, analysis_at, summary, sentiment, successful, analysis,
        analysis_rank, cost_at, cost, cost_unit, cost_rank
    )
    on conflict (id) do update set
        parent_call_id = greatest(c.parent_call_id, excluded.parent_call_id),
        direction = greatest(c.direction, excluded.direction),
        status = greatest(c.status, excluded.status),
        provider_status =
            case when excluded.provider_status_rank > coalesce(c.provider_status_rank, '') then excluded.provider_status else c.provider_status end,
        provider_status_rank = greatest(c.provider_status_rank, excluded.provider_status_rank),
        disposition = greatest(c.disposition, excluded.disposition),
        from_raw = greatest(c.from_raw, excluded.from_raw),
        from_number = greatest(c.from_number, excluded.from_number),
        to_raw = greatest(c.to_raw, excluded.to_raw),
        to_number = greatest(c.to_number, excluded.to_number),
        our_number = greatest(c.our_number, excluded.our_number),
        contact_number = greatest(c.contact_number, excluded.contact_number),
        agent_id = greatest(c.agent_id, excluded.agent_id),
        agent_name = greatest(c.agent_name, excluded.agent_name),
        campaign_rank = greatest(c.campaign_rank, excluded.campaign_rank),
        initiated_at = least(c.initiated_at, excluded.initiated_at),
        ringing_at = least(c.ringing_at, excluded.ringing_at),
        answered_at = least(c.answered_at, excluded.answered_at),
        ended_at = greatest(c.ended_at, excluded.ended_at),
        duration_ms =
            case when excluded.duration_rank > coalesce(c.duration_rank, '') then excluded.duration_ms else c.duration_ms end,
        talk_ms =
            case when excluded.duration_rank > coalesce(c.duration_rank, '') then excluded.talk_ms else c.talk_ms end,
        duration_rank = greatest(c.duration_rank, excluded.duration_rank),
        hangup_at =
            case when excluded.hangup_rank > coalesce(c.hangup_rank, '') then excluded.hangup_at else c.hangup_at end,
        hangup_by =
            case when excluded.hangup_rank > coalesce(c.hangup_rank, '') then excluded.hangup_by else c.hangup_by end,
        hangup_reason =
            case when excluded.hangup_rank > coalesce(c.hangup_rank, '') then excluded.hangup_reason else c.hangup_reason end,
        hangup_rank = greatest(c.hangup_rank, excluded.hangup_rank),
        recording_at =
            case when excluded.recording_rank > coalesce(c.recording_rank, '') then excluded.recording_at else c.recording_at end,
        recording_url =
            case when excluded.recording_rank > coalesce(c.recording_rank, '') then excluded.recording_url else c.recording_url end,
        recording_rank = greatest(c.recording_rank, excluded.recording_rank),
        transcript_at =
            case when excluded.transcript_rank > coalesce(c.transcript_rank, '') then excluded.transcript_at else c.transcript_at end,
        transcript =
            case when excluded.transcript_rank > coalesce(c.transcript_rank, '') then excluded.transcript else c.transcript end,
        transcript_turns =
            case when excluded.transcript_rank > coalesce(c.transcript_rank, '') then excluded.transcript_turns else c.transcript_turns end,
        transcript_rank = greatest(c.transcript_rank, excluded.transcript_rank),
        analysis_at =
            case when excluded.analysis_rank > coalesce(c.analysis_rank, '') then excluded.analysis_at else c.analysis_at end,
        summary =
            case when excluded.analysis_rank > coalesce(c.analysis_rank, '') then excluded.summary else c.summary end,
        sentiment =
            case when excluded.analysis_rank > coalesce(c.analysis_rank, '') then excluded.sentiment else c.sentiment end,
        successful =
            case when excluded.analysis_rank > coalesce(c.analysis_rank, '') then excluded.successful else c.successful end,
        analysis =
            case when excluded.analysis_rank > coalesce(c.analysis_rank, '') then excluded.analysis else c.analysis end,
        analysis_rank = greatest(c.analysis_rank, excluded.analysis_rank),
        cost_at = case when excluded.cost_rank > coalesce(c.cost_rank, '') then excluded.cost_at else c.cost_at end,
        cost = case when excluded.cost_rank > coalesce(c.cost_rank, '') then excluded.cost else c.cost end,
        cost_unit = case when excluded.cost_rank > coalesce(c.cost_rank, '') then excluded.cost_unit else c.cost_unit end,
        cost_rank = greatest(c.cost_rank, excluded.cost_rank),
        marks = (coalesce(c.marks, 0) & 4) # 4
            | case when c.transcript is null and excluded.transcript is not null then 1 else 0 end
            | case
                when (greatest(c.direction, excluded.direction), greatest(c.status, excluded.status),
                      greatest(c.disposition, excluded.disposition), least(c.answered_at, excluded.answered_at))
                        is distinct from (c.direction, c.status, c.disposition, c.answered_at)
                    or excluded.campaign_rank > coalesce(c.campaign_rank, '')
                    or excluded.duration_rank > coalesce(c.duration_rank, '')
                    or excluded.analysis_rank > coalesce(c.analysis_rank, '')
                    or excluded.cost_rank > coalesce(c.cost_rank, '')
                then 2 else 0
            end
    returning id, tenant_id, started_at, marks
), words_due as (
    insert into call_words_due (call_id) select id from written where marks & 1 <> 0
)
insert into call_quarter_changes (tenant_id, quarter)
select distinct tenant_id, date_bin('15 minutes', started_at, 'epoch')
from written
where marks & 2 <> 0 and started_at < now() - interval '90 minutes'

-- $1 tenant, $2 and $3 the last row of the page before (null: the first page), $4 from, $5 until (null: any), $6 provider,
-- $7 direction, $8 status, $9 disposition, $10 missed, $11 agent, $12 campaign, $13 converted, $14 needs review,
-- $15 unattributed (null: any), $16 rows, $17 rows to look at
-- Keyset pages over calls_recent_idx; calls without any time come last. The conditions on started_at are there for the
-- index, so that a page far down begins there. What else is asked for is looked for among the next rows only: a filter
-- that fits little gives short pages, not slow ones.
select id as "id!", provider as "provider!", provider_call_id as "provider_call_id!", direction, status, disposition,
       provider_status, contact_number, our_number, from_number, from_raw, to_number, to_raw, agent_id, agent_name,
       campaign_id, started_at, answered_at, ended_at, duration_ms, talk_ms, summary, sentiment, successful, converted,
       is_missed as "is_missed!", needs_review as "needs_review!", recording_url, has_transcript as "has_transcript!",
       conversation_of(id, tenant_id, provider, contact_number, our_number, started_at, ended_at) as "conversation_id!"
from (
    (select * from call_items
     where tenant_id = $1
       and started_at <= least(case when $3::uuid is null then 'infinity'::timestamptz
                                    else coalesce($2, '-infinity'::timestamptz) end, $5)
       and started_at >= coalesce($4, '-infinity'::timestamptz)
       and ($3::uuid is null or started_at < $2 or id > $3)
       and ($5::timestamptz is null or started_at < $5)
     order by started_at desc nulls last, id
     limit $17)
    union all
    (select * from call_items
     where tenant_id = $1 and started_at is null and $4::timestamptz is null and $5::timestamptz is null
       and ($3::uuid is null or $2::timestamptz is not null or id > $3)
     order by started_at desc nulls last, id
     limit $17)
) c
where ($6::text is null or provider = $6)
  and ($7::text is null or direction = $7)
  and ($8::text is null or status = $8)
  and ($9::text is null or disposition = $9)
  and ($10::boolean is null or is_missed = $10)
  and ($11::text is null or agent_id = $11 or agent_name = $11)
  and ($12::uuid is null or campaign_id = $12)
  and ($13::boolean is null or coalesce(converted, false) = $13)
  and ($14::boolean is null or needs_review = $14)
  and ($15::boolean is null or (campaign_id is null) = $15)
order by started_at desc nulls last, id
limit $16

-- The parameters of sql/people/match_calls.sql. The oldest first: along the same index, backwards; calls without any time
-- come first.
select id as "id!", started_at
from (
    (select * from call_items
     where $18::uuid[] is null and tenant_id = $1 and started_at is null and $4::timestamptz is null
       and $5::timestamptz is null and ($3::uuid is null or $2::timestamptz is null and id < $3)
     order by started_at nulls first, id desc
     limit $17)
    union all
    (select * from call_items
     where $18::uuid[] is null and tenant_id = $1
       and started_at >= greatest(coalesce($2, '-infinity'::timestamptz), $4)
       and started_at <= coalesce($5, 'infinity'::timestamptz)
       and ($2::timestamptz is null or started_at > $2 or id < $3)
       and ($5::timestamptz is null or started_at < $5)
     order by started_at nulls first, id desc
     limit $17)
    union all
    (select * from call_items
     where id = any ($18) and tenant_id = $1
       and ($3::uuid is null or started_at > $2 or started_at = $2 and id < $3
            or $2::timestamptz is null and (started_at is not null or id < $3))
       and ($4::timestamptz is null or started_at >= $4) and ($5::timestamptz is null or started_at < $5))
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
  and ($22::boolean is null or (answered_at is not null or coalesce(disposition = 'answered', false)) = $22)
  and ($23::text is null or coalesce(sentiment, 'none') = $23)
  and ($19::text is null or provider_call_id = $21
       or (select w.words @@ websearch_to_tsquery('simple', $19) from call_words w where w.call_id = c.id)
       or (select bool_or(to_tsvector('simple', coalesce(l.name_by_hand, l.name, '')) @@ to_tsquery('simple', $20))
           from leads l where l.tenant_id = $1 and l.phone = c.contact_number))
order by started_at nulls first, id desc
limit $16

-- $1 tenant, $2 the last lead of the page before (null: the first page), $3 these numbers only (null: any), $4 stage,
-- $5 tag, $6 whether they want no messages (null: any), $7 rows, $8 rows to look at, $9 words of the name (null: any)
-- Keyset pages by phone, along leads_key_idx. The cursor does not say the number: who may see masks only could read it
-- there; one of another tenant is the place of nothing. The counts of each lead of the page come from calls_contact_idx.
select l.id as "id!", l.phone as "phone!", coalesce(l.name_by_hand, l.name) as name,
       coalesce(l.email_by_hand, l.email) as email, coalesce(l.stage_by_hand, l.stage)::text as "stage!", l.source,
       l.tags as "tags!", l.first_seen_at, coalesce(l.opted_out_by_hand, l.opted_out, false) as "opted_out!",
       c.calls as "calls!", c.missed as "missed!", c.last_call_at
from (
    select * from (
        (select * from leads
         where $3::text[] is null and tenant_id = $1
           and phone > case when $2::uuid is null then ''
                            else (select phone from leads where id = $2 and tenant_id = $1) end
         order by phone
         limit $8)
        union all
        (select * from leads
         where tenant_id = $1 and phone = any ($3)
           and phone > case when $2::uuid is null then ''
                            else (select phone from leads where id = $2 and tenant_id = $1) end)
    ) near
    where ($4::text is null or coalesce(stage_by_hand, stage)::text = $4)
      and ($5::text is null or $5 = any (tags))
      and ($6::boolean is null or coalesce(opted_out_by_hand, opted_out, false) = $6)
      and ($9::text is null or to_tsvector('simple', coalesce(name_by_hand, name, '')) @@ (select to_tsquery('simple', $9)))
    order by phone
    limit $7
) l
cross join lateral (
    select count(*) as calls, count(*) filter (where is_missed) as missed, max(started_at) as last_call_at
    from call_items i where i.tenant_id = l.tenant_id and i.contact_number = l.phone
) c
order by l.phone

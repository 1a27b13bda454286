-- $1 tenant, $2 the last call that was looked at (null: the first page), $3 stage, $4 tag, $5 whether they want no
-- messages (null: any), $6 rows, $7 calls to look at
-- Who called or was called last comes first: along calls_recent_idx, each person where their last call stands. Nothing of
-- it is stored with the lead, so nothing has to be kept true. Who only wrote or was written to is not in it.
with after as (
    select started_at, id from calls where id = $2 and tenant_id = $1
), near as (
    select c.id, c.contact_number, c.started_at
    from calls c
    where c.tenant_id = $1
      and c.started_at <= case when $2::uuid is null then 'infinity'::timestamptz else (select started_at from after) end
      and ($2::uuid is null or c.started_at < (select started_at from after) or c.id > (select id from after))
    order by c.started_at desc nulls last, c.id
    limit $7
)
select l.id as "id!", l.phone as "phone!", coalesce(l.name_by_hand, l.name) as name,
       coalesce(l.email_by_hand, l.email) as email, coalesce(l.stage_by_hand, l.stage)::text as "stage!", l.source,
       l.tags as "tags!", l.first_seen_at, coalesce(l.opted_out_by_hand, l.opted_out, false) as "opted_out!",
       c.calls as "calls!", c.missed as "missed!", c.last_call_at, l.call_id as "call_id!"
from (
    select l.*, n.id as call_id, n.started_at
    from near n
    cross join lateral (
        select * from leads where tenant_id = $1 and phone = n.contact_number limit 1
    ) l
    where n.id = (select o.id from calls o where o.tenant_id = $1 and o.contact_number = n.contact_number
                  order by o.started_at desc nulls last, o.id limit 1)
      and ($3::text is null or coalesce(l.stage_by_hand, l.stage)::text = $3)
      and ($4::text is null or $4 = any (l.tags))
      and ($5::boolean is null or coalesce(l.opted_out_by_hand, l.opted_out, false) = $5)
    order by n.started_at desc nulls last, n.id
    limit $6
) l
cross join lateral (
    select count(*) as calls, count(*) filter (where is_missed) as missed, max(i.started_at) as last_call_at
    from call_items i where i.tenant_id = l.tenant_id and i.contact_number = l.phone
) c
order by l.started_at desc nulls last, l.call_id

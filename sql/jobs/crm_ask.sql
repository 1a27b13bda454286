-- $1 leads that were taken off the queue, $2 whether a person asked for each
-- A statement of its own, so that it sees what those have committed who held the queue's rows until then.
-- A lead that looks as it did when it was last asked about gives no row. While a job has not been done its number
-- stays: it looks at the present state when it runs, so many changes make one push.
with present as (
    select c.lead_id, c.tenant_id, c.digest, t.is_forced, s.push_delay, l.lead_id is null as is_new
    from unnest($1::uuid[], $2::boolean[]) as t (lead_id, is_forced)
    join crm_cards c on c.lead_id = t.lead_id
    join crm_tenants s on s.tenant_id = c.tenant_id
    left join crm_links l on l.lead_id = c.lead_id
), asked as (
    insert into crm_links as l (lead_id, tenant_id, pushes, asked_digest)
    select lead_id, tenant_id, 1, digest from present order by lead_id
    on conflict (lead_id) do update set
        asked_digest = excluded.asked_digest,
        pushes = l.pushes + case
            when exists (select from present p where p.lead_id = l.lead_id and p.is_forced) then 1
            when exists (select from jobs j where j.kind = 'push_to_crm' and j.key = l.lead_id || ':' || l.pushes
                         and j.settled_at is null) then 0
            else 1
        end
    where l.asked_digest is distinct from excluded.asked_digest
       or exists (select from present p where p.lead_id = l.lead_id and p.is_forced)
    returning l.lead_id, l.pushes
)
select p.lead_id as "lead_id!", p.tenant_id as "tenant_id!", a.pushes as "number!", p.is_forced as "is_forced!",
       p.is_new as "is_new!", extract(epoch from p.push_delay)::float8 as "delay_seconds!"
from asked a
join present p on p.lead_id = a.lead_id

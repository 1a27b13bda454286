-- Every finished call of a tenant with a rate is charged for what the call says, once; and nothing else is.
-- (The amount is a generated column and follows from the seconds.)
select 'charge ' || h.call_id as id
from charges h
left join calls c on c.id = h.call_id
where c.id is null or c.tenant_id <> h.tenant_id or c.status is distinct from 'ended'
   or h.seconds <> billable_seconds(c)::numeric(12, 3)
union all
select 'call ' || c.id
from calls c
cross join lateral (
    select * from tenant_rates r
    where r.tenant_id = c.tenant_id and r.since <= c.created_at
    order by r.since desc
    limit 1
) r
where c.status = 'ended' and r.rate_per_minute is not null
  and not exists (select from charges h where h.call_id = c.id)

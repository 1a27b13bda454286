-- $1 calls, $2 their tenants, pairwise: those whose end, duration or outcome this batch may have changed
-- In the transaction that has just written these calls and holds their rows, so nobody else changes one meanwhile, and
-- two processors meet at the call, never here. Calls of tenants without a rate are not even looked up.
-- The rate is the one in force when the call was first written: neither a replay nor a later report finds another one.
with billed as materialized (
    select k.id
    from unnest($1::uuid[], $2::uuid[]) as k (id, tenant_id)
    where exists (select from tenant_rates r where r.tenant_id = k.tenant_id)
)
insert into charges as h (call_id, tenant_id, seconds, rate_per_minute, rounding_seconds, minimum_seconds, currency)
select c.id, c.tenant_id, billable_seconds(c), r.rate_per_minute, r.rounding_seconds, r.minimum_seconds, r.currency
from billed
join calls c on c.id = billed.id
cross join lateral (
    select * from tenant_rates r
    where r.tenant_id = c.tenant_id and r.since <= c.created_at
    order by r.since desc
    limit 1
) r
where c.status = 'ended' and r.rate_per_minute is not null
order by c.id
on conflict (call_id) do update set seconds = excluded.seconds, corrected_at = now()
where h.seconds <> excluded.seconds

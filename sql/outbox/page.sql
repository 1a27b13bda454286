-- $1 kind, $2 state (pending, or an outcome), $3 tenant, $4 id (null: any), $5 only ids before this one (null: from the
-- newest), $6 rows. The newest first, along the primary key or jobs_tenant_idx.
select j.id, j.kind, j.key, t.slug as "tenant?", coalesce(j.outcome, 'pending') as "state!", j.due_at, j.attempts,
       j.claims, j.lease_until, j.sending_at, j.settled_at, j.unknown_outcomes, j.last_error, j.note, j.preview,
       j.created_at
from jobs j left join tenants t on t.id = j.tenant_id
where ($1::text is null or j.kind = $1)
  and ($2::text is null or coalesce(j.outcome, 'pending') = $2)
  and ($3::uuid is null or j.tenant_id = $3)
  and ($4::uuid is null or j.id = $4)
  and ($5::uuid is null or j.id < $5)
order by j.id desc
limit $6

-- $1 kind, $2 what they died of, $3 tenant, $4 only ids before this one (null: any), $5 rows
-- Dead jobs, the newest first, along jobs_dead_idx.
select j.id, j.kind, j.key, t.slug as "tenant?", j.outcome as "state!", j.due_at, j.attempts, j.claims, j.lease_until,
       j.sending_at, j.settled_at, j.unknown_outcomes, j.last_error, j.note, j.preview, j.created_at
from jobs j left join tenants t on t.id = j.tenant_id
where j.outcome = 'dead'
  and ($1::text is null or j.kind = $1)
  and ($2::text is null or coalesce(j.last_error, '') = $2)
  and ($3::uuid is null or j.tenant_id = $3)
  and ($4::uuid is null or j.id < $4)
order by j.id desc
limit $5

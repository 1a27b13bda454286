-- $1 ids, $2 outcomes, $3 tenants, $4 campaign ranks, $5 errors, $6 notes, $7 attempts spent
-- No index knows any of these columns, so this is a heap-only update of the row's head. What was found once (tenant,
-- campaign) stays, so that a replay finds the same. The second way to the ids is one that no statistics make a scan.
update webhook_events e
set processed_at = clock_timestamp(),
    outcome = s.outcome,
    tenant_id = coalesce(e.tenant_id, s.tenant_id),
    campaign_rank = coalesce(e.campaign_rank, s.campaign_rank),
    attempts = e.attempts + s.spent,
    last_error = s.last_error,
    note = s.note
from unnest($1::uuid[], $2::text[], $3::uuid[], $4::text[], $5::text[], $6::text[], $7::int[])
    as s (id, outcome, tenant_id, campaign_rank, last_error, note, spent)
where e.id = s.id and e.id = any (array(select unnest($1::uuid[]))) and e.processed_at is null

-- $1 lead as text, $2 job, $3 tenant, $4 now or null: whether a later job will look at the same person anyway
-- One that is in hand may have looked before this job was put up.
select exists (
    select from jobs j
    where j.kind = 'analyze_lead' and j.settled_at is null and j.id > $2 and j.payload ->> 'lead_id' = $1
      and j.tenant_id = $3 and (j.lease_until is null or j.lease_until <= coalesce($4, now()))
) as "exists!"

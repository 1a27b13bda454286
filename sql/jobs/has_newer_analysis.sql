-- $1 lead as text, $2 job: whether a later job looks at the same person anyway
select exists (
    select from jobs j
    where j.kind = 'analyze_lead' and j.settled_at is null and j.id > $2 and j.payload ->> 'lead_id' = $1
      and j.tenant_id = $3
) as "exists!"

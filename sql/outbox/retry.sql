-- $1 ids (null: any), $2 kind (null: any), $3 key (null: any), $4 now or null
-- Dead, skipped and cancelled jobs begin afresh; pending ones that wait are due now. What is done stays done, what is
-- being worked on is left alone, and so is what was perhaps sent: nobody has looked at it yet.
update jobs
set due_at = coalesce($4, now()), attempts = 0, settled_at = null, outcome = null, note = null, preview = null,
    waiting_since = null
where outcome is distinct from 'done' and sending_at is null
  and (lease_until is null or lease_until <= coalesce($4, now()))
  and ($1::uuid[] is null or id = any($1)) and ($2::text is null or kind = $2) and ($3::text is null or key = $3)

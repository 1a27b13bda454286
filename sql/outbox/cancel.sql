-- $1 ids (null: any), $2 kind (null: any), $3 key (null: any), $4 why, $5 now or null
-- What somebody is working on right now cannot be called back; and what was perhaps sent is counted as such.
update jobs
set settled_at = coalesce($5, now()), outcome = 'cancelled', note = $4, lease_until = null, needs_person = false,
    unknown_outcomes = unknown_outcomes + (sending_at is not null)::integer, sending_at = null
where settled_at is null and (lease_until is null or lease_until <= coalesce($5, now()))
  and ($1::uuid[] is null or id = any($1)) and ($2::text is null or kind = $2) and ($3::text is null or key = $3)

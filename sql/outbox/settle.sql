-- $1 id, $2 claim, $3 now or null, $4 outcome, $5 error, $6 note, $7 preview, $8 unknown outcomes more
-- The fence: nobody settles but the last to have claimed it.
-- By its key: `outcome is null` says what `settled_at is null` says, without offering the index of jobs that wait, which looks
-- cheaper where the statistics say that none does.
update jobs
set settled_at = coalesce($3, now()), outcome = $4, last_error = coalesce($5, last_error), note = $6, preview = $7,
    unknown_outcomes = unknown_outcomes + $8, lease_until = null, sending_at = null, needs_person = false
where id = $1 and claims = $2 and outcome is null

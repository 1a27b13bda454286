-- $1 id, $2 claim, $3 due at, $4 attempts spent, $5 why, $6 unknown outcomes more, $7 whether a person must act
-- By its key: `outcome is null` says what `settled_at is null` says, without offering the index of jobs that wait, which looks
-- cheaper where the statistics say that none does.
update jobs
set due_at = $3, attempts = attempts + $4, last_error = $5, unknown_outcomes = unknown_outcomes + $6,
    lease_until = null, sending_at = null, needs_person = $7
where id = $1 and claims = $2 and outcome is null

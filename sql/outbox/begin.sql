-- $1 id, $2 claim, $3 now or null
-- Committed before the vendor is asked: whoever finds it knows that the answer is missing. Who has lost the lease
-- must not ask.
-- By its key: `outcome is null` says what `settled_at is null` says, without offering the index of jobs that wait, which looks
-- cheaper where the statistics say that none does.
update jobs set sending_at = coalesce($3, now())
where id = $1 and claims = $2 and outcome is null and lease_until > coalesce($3, now())

-- $1 id, $2 claim, $3 now or null
-- Committed before the vendor is asked: whoever finds it knows that the answer is missing. Who has lost the lease
-- must not ask.
update jobs set sending_at = coalesce($3, now())
where id = $1 and claims = $2 and settled_at is null and lease_until > coalesce($3, now())

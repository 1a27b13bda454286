-- $1 tenants, $2 digests of the number, pairwise
-- Forgotten once more, later: what happened since goes as well.
-- By the clock, and not by when the transaction began: it may have waited for those that were writing.
insert into forgotten (tenant_id, phone_digest, at)
select tenant_id, digest, clock_timestamp() from unnest($1::uuid[], $2::bytea[]) as people (tenant_id, digest)
on conflict (tenant_id, phone_digest) do update set at = excluded.at

-- $1 tenants, $2 digests of numbers, pairwise
select f.tenant_id, f.phone_digest, f.at
from unnest($1::uuid[], $2::bytea[]) as k (tenant_id, phone_digest)
join forgotten f using (tenant_id, phone_digest)

-- $1 tenant (null: all), $2 id
select k.id, k.at, k.provider, c.slug as source, k.network, k.reason, k.bytes
from kept_requests k
join connections c on c.id = k.source_id
where ($1::uuid is null or c.tenant_id = $1) and k.id = $2

-- $1 ids, $2 sources, $3 platforms, $4 at, $5 networks, $6 known, $7 ranks, $8 reasons, $9 bytes, $10 sealed requests
-- Of a source that has gone meanwhile nothing is kept.
insert into kept_requests (id, source_id, provider, at, network, is_known, rank, reason, bytes, request)
select t.id, t.source_id, t.provider, t.at, t.network, t.is_known, t.rank, t.reason, t.bytes, t.request
from unnest($1::uuid[], $2::uuid[], $3::text[], $4::timestamptz[], $5::text[], $6::boolean[], $7::integer[],
            $8::text[], $9::integer[], $10::text[])
    as t (id, source_id, provider, at, network, is_known, rank, reason, bytes, request)
join connections c on c.id = t.source_id

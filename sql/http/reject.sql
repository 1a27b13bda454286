-- $1 at, $2 providers, $3 connections, $4 addresses, $5 reasons, $6 statuses, $7 sizes, $8 digests, $9 repeats
insert into rejections (at, provider, connection, address, reason, status, body_bytes, body_digest, repeats)
select *
from unnest($1::timestamptz[], $2::text[], $3::text[], $4::text[], $5::text[], $6::smallint[], $7::bigint[],
            $8::text[], $9::bigint[])

-- $1 recording, $2 call, $3 tenant (null: any), $4 first byte (from 1), $5 bytes
-- The column is stored uncompressed, so a part is read without the rest.
select substring(r.audio from $4::int for $5::int) as "bytes!", octet_length(r.audio) as "all_bytes!",
       r.audio_type as media_type
from recordings r
join calls c on c.id = r.call_id
where r.id = $1 and r.call_id = $2 and r.audio is not null and ($3::uuid is null or c.tenant_id = $3)

-- $1 call
select id, kind, url, duration_ms, started_at, audio_type, octet_length(audio) as audio_bytes
from recordings
where call_id = $1
order by started_at nulls last, id

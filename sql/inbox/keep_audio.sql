-- $1 recording id, $2 audio, $3 media type, $4 SHA-256
-- In the transaction that accepts the event; the processor fills in the tenant and the call.
insert into recordings (id, kind, audio, audio_type, audio_sha256)
values ($1, 'call', $2, $3, $4)
on conflict (id) do update
set audio = excluded.audio, audio_type = excluded.audio_type, audio_sha256 = excluded.audio_sha256
where recordings.audio is null

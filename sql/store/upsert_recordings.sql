-- $1.. one array a column, in the order of the insert; sorted by id
-- The merge is RecordingRow::fold (src/domain/recording.rs).
insert into recordings as r (id, tenant_id, call_id, kind, url, duration_ms, started_at)
select *
from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::bigint[], $7::timestamptz[])
on conflict (id) do update set
    tenant_id = greatest(r.tenant_id, excluded.tenant_id),
    call_id = greatest(r.call_id, excluded.call_id),
    kind = greatest(r.kind, excluded.kind),
    url = greatest(r.url, excluded.url),
    duration_ms = greatest(r.duration_ms, excluded.duration_ms),
    started_at = least(r.started_at, excluded.started_at)

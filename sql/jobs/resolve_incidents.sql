-- $1 now: those that were not seen this time are over
update incidents set resolved_at = $1
where resolved_at is null and last_seen_at < $1
returning id, tenant_id, severity

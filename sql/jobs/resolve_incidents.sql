-- $1 now: those that were not seen this time are over. What a process has in its spool is only seen by that process, which
-- ends it itself (resolve_incident.sql).
update incidents set resolved_at = $1
where resolved_at is null and last_seen_at < $1 and cause <> 'spool'
returning id, tenant_id, severity

-- $1 now, $2 cause, $3 subject: it is over
update incidents set resolved_at = $1
where resolved_at is null and cause = $2 and subject = $3
returning id, tenant_id

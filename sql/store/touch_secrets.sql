-- $1 secrets that verified a delivery lately
-- A temporary one is ours: a sample that it signs says nothing of the platform.
update connection_secrets set last_used_at = now() where id = any ($1::uuid[]) and not is_temporary

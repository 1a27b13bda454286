-- $1 ids
-- The row and its key stay, so that a late duplicate is known for one.
update webhook_events set payload = '{}', payload_removed_at = now()
where id = any ($1) and payload_removed_at is null

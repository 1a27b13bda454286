-- $1 user, $2 digest
update recovery_codes set used_at = now() where user_id = $1 and digest = $2 and used_at is null

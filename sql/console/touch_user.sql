-- $1 user
update users set last_used_at = now() where id = $1

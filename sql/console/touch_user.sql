-- $1 user, $2 the hash of the password that they have given (null: another proof)
-- The row is locked from here on: a change of the password at this moment is seen here, or waits and ends the session.
update users set last_used_at = now() where id = $1 and ($2::text is null or password_hash = $2)

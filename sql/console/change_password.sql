-- $1 user, $2 hash, $3 the hash that was compared
-- An admin may have set another one meanwhile: that one stays.
update users set password_hash = $2 where id = $1 and password_hash = $3

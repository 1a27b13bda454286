-- $1 connection, $2 digest of the verify token
update connections set verify_token_digest = $2 where id = $1

-- $1 digest, $2 codes after which it is over
select user_id from pending_sign_ins where digest = $1 and expires_at > now() and codes < $2

-- $1 digest, $2 codes after which it is over
select user_id, must_set_up from pending_sign_ins where digest = $1 and expires_at > now() and codes < $2

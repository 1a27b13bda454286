-- $1 digest, $2 codes after which it is over
update pending_sign_ins set codes = codes + 1 where digest = $1 and expires_at > now() and codes < $2

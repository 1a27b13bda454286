-- $1 digest
delete from pending_sign_ins where digest = $1

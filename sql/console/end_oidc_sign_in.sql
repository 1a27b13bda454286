-- $1 digest
-- Taking it away is using it: of two callbacks at once one finds it.
delete from oidc_sign_ins where digest = $1 returning next, expires_at > now() as "is_good!"

-- $1 digest, $2 user, $3 the hash of the password that they have given, $4 whether they must set up a second factor, $5 how
-- long it is good, in seconds
-- The user is locked: a change of the password at this moment is seen here, or waits and ends what is begun here.
with swept as (
    delete from pending_sign_ins where expires_at < now()
)
insert into pending_sign_ins (digest, user_id, must_set_up, expires_at)
select $1, id, $4, now() + $5 * interval '1 second' from users where id = $2 and password_hash = $3 for share

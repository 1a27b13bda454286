-- $1 user
-- What was begun with the password: sign-ins that wait for a code, and a second factor that is being set up.
with ended as (
    delete from pending_sign_ins where user_id = $1
)
delete from second_factors where user_id = $1 and confirmed_at is null

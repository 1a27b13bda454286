-- $1 user
-- A new password ends what was begun with the old one.
delete from sessions where user_id = $1

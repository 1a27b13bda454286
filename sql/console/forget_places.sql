-- $1 user
-- A place is known by what the user signed in with there, which has changed: somebody else may have had it.
delete from known_places where user_id = $1

-- $1 user, $2 step of the first code, $3 the sealed secret that the code is of
-- Another secret may have taken its place meanwhile: that one was not confirmed.
update second_factors set confirmed_at = now(), last_step = $2
where user_id = $1 and confirmed_at is null and secret = $3

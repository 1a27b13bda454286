-- $1 user, $2 step of the first code
update second_factors set confirmed_at = now(), last_step = $2 where user_id = $1 and confirmed_at is null

-- $1 user, $2 step
-- A code is good once, and none is good after a later one.
update second_factors set last_step = $2
where user_id = $1 and confirmed_at is not null and (last_step is null or last_step < $2)

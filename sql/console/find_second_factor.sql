-- $1 user, $2 whether it is confirmed
select secret from second_factors where user_id = $1 and (confirmed_at is not null) = $2

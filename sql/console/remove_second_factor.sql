-- $1 user
with codes as (
    delete from recovery_codes where user_id = $1
)
delete from second_factors where user_id = $1

-- $1 user, $2 whether
update users set second_factor_required = $2 where id = $1

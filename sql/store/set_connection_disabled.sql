-- $1 connection, $2 whether it is to be disabled
update connections set disabled_at = case when $2 then coalesce(disabled_at, now()) end where id = $1

-- $1 ids
delete from kept_requests where id = any ($1)

-- $1 line
select at from operator_log where id = $1

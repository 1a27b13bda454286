-- $1 actor, $2 action, $3 rows, $4 details as text
insert into operator_log (actor, action, row_count, details) values ($1, $2, $3, $4::text::jsonb)

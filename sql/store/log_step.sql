-- $1 id of the line, $2 who, $3 action, $4 rows of this step, $5 details as text
-- One line an operation, written with its first step and added to with every further one.
insert into operator_log (id, actor, action, row_count, details) values ($1, $2, $3, $4, $5::text::jsonb)
on conflict (id) do update set row_count = operator_log.row_count + excluded.row_count

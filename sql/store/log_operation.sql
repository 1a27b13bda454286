-- $1 actor, $2 tenant (null: the whole installation), $3 address (null: the command line), $4 action, $5 rows, $6 details as text
insert into operator_log (actor, tenant_id, address, action, row_count, details)
values ($1, $2, $3, $4, $5, $6::text::jsonb)

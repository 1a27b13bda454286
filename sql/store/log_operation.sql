-- $1 actor, $2 tenant (null: that of what the details name, if they do), $3 address (null: the command line), $4 action,
-- $5 rows, $6 details as text
insert into operator_log (actor, tenant_id, address, action, row_count, details)
values ($1, coalesce($2, operator_log_tenant($6::text::jsonb)), $3, $4, $5, $6::text::jsonb)

-- $1 actor, $2 tenant, $3 address, $4 action, $5 rows, $6 details as text
-- Once an hour for each actor, action and details.
insert into operator_log (actor, tenant_id, address, action, row_count, details)
select $1, coalesce($2, operator_log_tenant($6::text::jsonb)), $3, $4, $5, $6::text::jsonb
where not exists (
    select from operator_log
    where actor = $1 and action = $4 and at > now() - interval '1 hour' and details = $6::text::jsonb
)

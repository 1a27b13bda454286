-- $1 actor, $2 tenant, $3 address, $4 action, $5 rows, $6 details as text
-- Once an hour for each actor, tenant, address, action and details.
insert into operator_log (actor, tenant_id, address, action, row_count, details)
select $1, line.tenant_id, $3, $4, $5, $6::text::jsonb
from (select coalesce($2, operator_log_tenant($6::text::jsonb)) as tenant_id) line
where not exists (
    select from operator_log l
    where l.actor = $1 and l.action = $4 and l.at > now() - interval '1 hour' and l.details = $6::text::jsonb
      and l.tenant_id is not distinct from line.tenant_id and l.address is not distinct from $3
)

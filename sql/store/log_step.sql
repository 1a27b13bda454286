-- $1 id of the operation, $2 actor, $3 tenant, $4 address, $5 action, $6 rows of this step, $7 details as text
-- The first step's line has the operation's id; each further one is a line that names it and has no details. No line is
-- changed, so a role that may only insert can write them. The steps of one operation follow one another: none waits.
insert into operator_log (id, operation_id, actor, tenant_id, address, action, row_count, details)
select case when first.id is null then $1 else uuid_v7() end, first.id, $2,
       coalesce($3, operator_log_tenant($7::text::jsonb)), $4, $5, $6,
       case when first.id is null then $7::text::jsonb else '{}' end
from (values (1)) one
left join (select id from operator_log where id = $1) first on true

-- A tenant with changes, of whose calls nothing is added up. The least quarter is found by the index, whatever the
-- planner makes of the number of rows.
select t.id
from tenants t
where exists (select from call_quarter_changes c where c.tenant_id = t.id)
  and (select min(q.quarter) from call_quarters q where q.tenant_id = t.id and q.is_total) is null
limit 1

-- $1 tenant, $2 changes at once
-- After sql/people/lock_quarters.sql: who adds up the first quarters holds it until they can be seen here. What is added
-- up is left to who reads it (sql/people/drop_changed_quarters.sql), since it must be there again before it is read.
delete from call_quarter_changes
where ctid = any (array(select ctid from call_quarter_changes where tenant_id = $1 limit $2))
  and (select min(q.quarter) from call_quarters q where q.tenant_id = $1 and q.is_total) is null

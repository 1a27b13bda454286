-- $1 tenant
-- After sql/people/lock_quarters.sql. A change that is not yet committed is not seen here, and neither are its calls when
-- the quarter is added up; its mark stays for the next one who looks.
with changed as (
    delete from call_quarter_changes where tenant_id = $1 returning quarter
)
delete from call_quarters q
using (select distinct quarter from changed) c
where q.tenant_id = $1 and q.is_total in (true, false) and q.quarter = c.quarter

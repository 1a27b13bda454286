-- $1 tenant, $2 changes at once
-- After sql/people/lock_quarters.sql. A change that is not yet committed is not seen here, and neither are its calls when
-- the quarter is added up; its mark stays for the next one who looks. Returns whether there are more.
with changed as (
    delete from call_quarter_changes
    where ctid = any (array(select ctid from call_quarter_changes where tenant_id = $1 limit $2))
    returning quarter
), gone as (
    delete from call_quarters q
    using (select distinct quarter from changed) c
    where q.tenant_id = $1 and q.is_total in (true, false) and q.quarter = c.quarter
)
select count(*) = $2 as "is_more!" from changed

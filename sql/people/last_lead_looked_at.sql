-- $1 tenant, $2 the last lead of the page before (null: the first page), $3 rows looked at
select id from leads
where tenant_id = $1 and phone > case when $2::uuid is null then ''
                         else (select phone from leads where id = $2 and tenant_id = $1) end
order by phone
limit 1 offset $3::bigint - 1

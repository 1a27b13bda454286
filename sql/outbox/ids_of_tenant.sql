-- $1 ids, $2 tenant (null: any)
-- Whose a job is never changes.
select id from jobs where id = any ($1) and ($2::uuid is null or tenant_id = $2)

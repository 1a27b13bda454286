-- $1 call, $2 tenant (null: any)
select exists (select from calls where id = $1 and ($2::uuid is null or tenant_id = $2)) as "exists!"

-- $1 campaign, $2 tenant (null: any)
select exists (select from campaigns where id = $1 and ($2::uuid is null or tenant_id = $2)) as "exists!"

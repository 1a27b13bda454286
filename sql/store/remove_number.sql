-- $1 number in E.164, $2 tenant (null: any)
delete from phone_numbers where number = $1 and ($2::uuid is null or tenant_id = $2)
returning tenant_id

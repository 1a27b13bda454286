-- $1 appointment, $2 tenant, $3 now, $4 the one it is moved to (null: it is called off)
update appointments set cancelled_at = $3, moved_to = $4
where id = $1 and tenant_id = $2 and cancelled_at is null

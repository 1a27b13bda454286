-- $1 tenant, $2 subject, $3 day, $4 how much
update allowances set used = greatest(used - $4::float8::numeric, 0) where tenant_id = $1 and subject = $2 and day = $3

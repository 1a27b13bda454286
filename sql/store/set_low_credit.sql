-- $1 tenant, $2 amount as text, or null
update tenants set low_credit = $2::text::numeric where id = $1

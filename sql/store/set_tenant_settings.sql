-- $1 tenant, $2 settings as text
update tenants set settings = $2::text::jsonb where id = $1

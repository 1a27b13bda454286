-- $1 secrets that proved a delivery lately
update connection_secrets set last_used_at = now() where id = any ($1::uuid[])

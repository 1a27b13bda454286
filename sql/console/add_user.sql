-- $1 tenant (null: all), $2 login, $3 hash, $4 role
insert into users (tenant_id, login, password_hash, role) values ($1, $2, $3, $4)
on conflict (login) do nothing
returning id

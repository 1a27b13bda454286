-- $1 name, $2 sealed value. The first one stays.
insert into secrets (name, value) values ($1, $2) on conflict (name) do nothing

-- $1 login
select id, password_hash from users where login = $1

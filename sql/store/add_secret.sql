-- $1 connection, $2 secret
insert into connection_secrets (connection_id, secret) values ($1, $2)

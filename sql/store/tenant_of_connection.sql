-- $1 connection
select tenant_id from connections where id = $1

-- $1 id, $2 connection, $3 since, $4 until, $5 scheduled, $6 now
insert into reconciliations (id, connection_id, tenant_id, provider, since, until, scheduled, started_at)
select $1, id, tenant_id, provider, $3, $4, $5, $6 from connections where id = $2
returning tenant_id

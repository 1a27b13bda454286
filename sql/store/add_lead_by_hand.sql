-- $1 id, $2 tenant, $3 number
-- Somebody who never called can be kept from being written to as well. Its source gives way to every platform's.
insert into leads (id, tenant_id, phone, source, source_rank) values ($1, $2, $3, 'hand', '~')
on conflict (id) do nothing

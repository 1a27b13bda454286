-- $1 lead, $2 tenant, $3 number, $4 now, $5 platform, $6 its rank
-- Somebody whom nobody vouches for: a lead where there is none. One that is there stays as it is.
insert into leads (id, tenant_id, phone, first_seen_at, source, source_rank)
values ($1, $2, $3, $4, $5, $6)
on conflict (id) do nothing

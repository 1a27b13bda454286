-- $1 tenant (null: all), $2 kind, $3 seconds to keep (null: for ever), $4 action
insert into retention_rules (tenant_id, kind, keep, action)
values ($1, $2, $3::bigint * interval '1 second', $4)
on conflict (kind, coalesce(tenant_id, '00000000-0000-0000-0000-000000000000'::uuid)) do update
set keep = excluded.keep, action = excluded.action

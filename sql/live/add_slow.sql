-- $1 times, $2 endpoints, $3 connections, $4 tenants, $5 took in milliseconds, $6 whether fallback, $7 steps as text
insert into slow_answers (at, endpoint, connection_id, tenant_id, took_ms, is_fallback, steps)
select at, endpoint, connection_id, tenant_id, took_ms, is_fallback, steps::jsonb
from unnest($1::timestamptz[], $2::text[], $3::uuid[], $4::uuid[], $5::integer[], $6::boolean[], $7::text[])
    as t (at, endpoint, connection_id, tenant_id, took_ms, is_fallback, steps)

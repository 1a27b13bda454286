-- A digest of each row that events have made, without what is bookkeeping, and what jobs have made: the stage of whoever was
-- written to, reminders, alerts.
select 'call ' || md5((to_jsonb(t) - 'created_at' - 'marks')::text) as "row!" from calls t
union all
select 'lead ' || md5((to_jsonb(t) - 'created_at' - 'stage')::text) from leads t
union all
select 'analytics ' || md5((to_jsonb(t) - 'created_at' - 'id')::text) from lead_analytics t
union all
select 'recording ' || md5((to_jsonb(t) - 'created_at')::text) from recordings t
union all
select 'job ' || md5(jsonb_build_object('tenant', tenant_id, 'kind', kind, 'key', key, 'payload', payload)::text)
from jobs
where kind in ('start_outreach', 'analyze_call')

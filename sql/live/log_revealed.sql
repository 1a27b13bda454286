-- $1 action, $2 sources, $3 leads
-- What a source was told of whom: a line an hour for each person and source, whichever process answered. Never its slug,
-- which may be its secret. Whoever was erased meanwhile is in no line.
insert into operator_log (actor, tenant_id, action, row_count, details)
select 'live', l.tenant_id, $1, 1, told.details
from (select distinct connection_id, lead_id from unnest($2::uuid[], $3::uuid[]) as t (connection_id, lead_id)) r
cross join lateral (
    select jsonb_build_object('lead_id', r.lead_id, 'connection_id', r.connection_id) as details) told
join leads l on l.id = r.lead_id
where not exists (
    select from operator_log o
    where o.details @> told.details and o.action = $1 and o.at > now() - interval '1 hour')

-- $1 rule, $2 rows at most
select c.id
from retention_rules r
join calls c on least(c.started_at, c.created_at) < now() - r.keep and c.recording_url is not null
where r.id = $1 and retention_covers(r, c.tenant_id)
limit $2

-- $1 rule, $2 rows at most
-- What the platform itself made of the call stands in calls.
select c.id
from retention_rules r
join calls c on least(c.started_at, c.created_at) < now() - r.keep
where r.id = $1
  and (num_nonnulls(c.summary, c.analysis) > 0
       or r.action = 'delete' and num_nonnulls(c.sentiment, c.successful) > 0)
  and retention_covers(r, c.tenant_id)
limit $2

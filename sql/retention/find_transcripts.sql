-- $1 rule, $2 rows at most
-- By the call's own time; a platform's clock that runs ahead must not make it younger than its row.
select c.id
from retention_rules r
join calls c on least(c.started_at, c.created_at) < now() - r.keep and num_nonnulls(c.transcript, c.transcript_turns) > 0
where r.id = $1 and retention_covers(r, c.tenant_id)
limit $2

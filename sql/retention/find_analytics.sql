-- $1 rule, $2 rows at most
-- A complete analysis is of one person and of nothing else: nothing of it is left to be anonymous, so it goes either way.
select a.id
from retention_rules r
join lead_analytics a on least(a.analysed_at, a.created_at) < now() - r.keep
where r.id = $1
  and (r.action = 'delete' or a.kind = 'complete' or num_nonnulls(a.phone, a.summary, a.data) > 0)
  and retention_covers(r, a.tenant_id)
limit $2

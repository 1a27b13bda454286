-- $1 rule, $2 rows at most
select m.id
from retention_rules r
join messages m on least(m.sent_at, m.created_at) < now() - r.keep
where r.id = $1
  and (r.action = 'delete' or num_nonnulls(m.from_number, m.to_number, m.contact_number, m.body, m.error) > 0)
  and retention_covers(r, m.tenant_id)
limit $2

-- $1 rule, $2 rows at most
select m.id
from retention_rules r
join recordings m on least(m.started_at, m.created_at) < now() - r.keep
where r.id = $1 and (r.action = 'delete' or num_nonnulls(m.url, m.audio, m.audio_sha256) > 0)
  and retention_covers(r, m.tenant_id)
limit $2

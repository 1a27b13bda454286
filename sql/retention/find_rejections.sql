-- $1 rule, $2 rows at most
select j.id
from retention_rules r
join rejections j on j.at < now() - r.keep
where r.id = $1 and (r.action = 'delete' or num_nonnulls(j.address, j.connection, j.body_digest) > 0)
limit $2

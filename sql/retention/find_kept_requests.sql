-- $1 rule, $2 rows at most. Requests that were kept because nothing verified them: they go with the refusals.
select k.id
from retention_rules r
join kept_requests k on k.at < now() - r.keep
where r.id = $1
limit $2

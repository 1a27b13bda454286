-- $1 rule, $2 rows at most
-- Dead events too: they had this long to be redriven. Pending ones stay, whatever their age.
select e.id
from retention_rules r
join webhook_events e on e.received_at < now() - r.keep and e.payload_removed_at is null and e.processed_at is not null
where r.id = $1 and retention_covers(r, e.tenant_id)
limit $2

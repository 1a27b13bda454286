-- $1 tenant (null: any, also those of no tenant), $2 only open ones, $3 and $4 the last row of the page before (null: the
-- first page), $5 rows
select i.id, i.cause, i.subject, t.slug as "tenant?", i.severity, i.summary, i.opened_at, i.last_seen_at, i.resolved_at
from incidents i
left join tenants t on t.id = i.tenant_id
where ($1::uuid is null or i.tenant_id = $1) and (not $2 or i.resolved_at is null)
  and ($4::uuid is null or i.opened_at < $3 or (i.opened_at = $3 and i.id > $4))
  and i.opened_at <= coalesce($3, 'infinity'::timestamptz)
order by i.opened_at desc, i.id
limit $5

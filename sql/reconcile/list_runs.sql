-- $1 platform, $2 connection (null: any), $3 rows at most: the newest first
select r.id, r.provider, c.slug as "connection!",
       t.slug as "tenant?", r.since, r.until, r.scheduled, r.started_at, r.finished_at, r.listed, r.missing, r.inserted,
       r.error
from reconciliations r
join connections c on c.id = r.connection_id
left join tenants t on t.id = r.tenant_id
where ($1::text is null or r.provider = $1) and ($2::uuid is null or r.connection_id = $2)
order by r.id desc
limit $3

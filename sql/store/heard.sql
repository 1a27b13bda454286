-- $1 tenant (null: all)
-- Connections in use, when each last sent something (to the hour), and whether it is silent for longer than it ever was.
select c.id, c.provider, c.slug as "connection!",
       t.slug as "tenant?", h.hour as "heard_at?", i.summary as "silence?"
from connections c
left join tenants t on t.id = c.tenant_id
left join lateral (
    select hour from connection_hours where connection_id = c.id order by hour desc limit 1
) h on true
left join incidents i on i.cause = 'silence' and i.subject = c.id::text and i.resolved_at is null
where c.provider <> 'switchhook' and c.disabled_at is null and ($1::uuid is null or c.tenant_id = $1)
order by i.id is null, h.hour nulls last, c.provider, c.slug
limit 200

-- $1 tenant (null: all), $2 rows at most
select c.id, t.slug as tenant, trim_scale(c.amount)::text as "amount!", c.currency, c.note, c.added_by, c.added_at
from credits c
join tenants t on t.id = c.tenant_id
where $1::uuid is null or c.tenant_id = $1
order by c.added_at desc, c.id desc
limit $2

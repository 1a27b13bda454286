-- $1 tenant or null
select t.id, t.slug, c.tenant_id is not null as "is_active!",
       (select count(*) from leads l where l.tenant_id = t.id) as "leads!",
       (select count(*) from crm_links l where l.tenant_id = t.id and l.record_id is not null) as "linked!",
       (select count(*) from crm_links l where l.tenant_id = t.id and l.differs <> '{}') as "differing!",
       (select count(*) from crm_queue q where q.tenant_id = t.id)
       + (select count(*) from jobs j where j.tenant_id = t.id and j.kind in ('push_to_crm', 'pull_from_crm')
          and j.settled_at is null) as "waiting!",
       (select max(l.pushed_at) from crm_links l where l.tenant_id = t.id) as last_pushed_at
from tenants t
left join crm_tenants c on c.tenant_id = t.id
where $1::uuid is null or t.id = $1
order by t.slug

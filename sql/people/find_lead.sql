-- $1 lead, $2 tenant (null: any)
select l.id, l.tenant_id, t.slug as tenant, l.phone, coalesce(l.name_by_hand, l.name) as name, l.name_by_hand,
       coalesce(l.email_by_hand, l.email) as email, l.email_by_hand,
       coalesce(l.stage_by_hand, l.stage)::text as "stage!", l.stage_by_hand::text as stage_by_hand, l.source,
       l.crm_link, l.tags, l.first_seen_at, l.profile::text as profile,
       coalesce(l.opted_out_by_hand, l.opted_out, false) as "opted_out!", l.opted_out_by_hand
from leads l
join tenants t on t.id = l.tenant_id
where l.id = $1 and ($2::uuid is null or l.tenant_id = $2)

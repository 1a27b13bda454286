-- $1 tenant (null: all)
select n.number, t.slug as tenant, n.campaign_id, c.name as "campaign?", n.label, n.sender, n.created_at
from phone_numbers n
join tenants t on t.id = n.tenant_id
left join campaigns c on c.id = n.campaign_id
where $1::uuid is null or n.tenant_id = $1
order by t.slug, n.number

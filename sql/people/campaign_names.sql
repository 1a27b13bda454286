-- $1 tenant
-- Its campaigns, with the numbers and agents that make calls theirs.
select m.id, m.name,
       (select count(*) from phone_numbers p where p.campaign_id = m.id and p.tenant_id = $1) as "phone_numbers!",
       (select count(*) from agents a where a.campaign_id = m.id and a.tenant_id = $1) as "agents!"
from campaigns m
where m.tenant_id = $1
order by m.name, m.id

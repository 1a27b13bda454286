-- $1 lead, $2 tenant
select l.phone, coalesce(l.name_by_hand, l.name) as "name?", t.name as "tenant!",
       (select a.score from lead_analytics a where a.tenant_id = l.tenant_id and a.phone = l.phone
        and a.kind = 'individual' and a.source = 'openai' order by a.analysed_at desc limit 1) as "score?",
       (select a.summary from lead_analytics a where a.tenant_id = l.tenant_id and a.phone = l.phone
        and a.kind = 'individual' and a.source = 'openai' order by a.analysed_at desc limit 1) as "summary?"
from leads l join tenants t on t.id = l.tenant_id
where l.id = $1 and l.tenant_id = $2

-- $1 calls, $2 tenant, $3 number of the person (null: without their complete analysis)
select id, kind, call_id, source, analysed_at, summary, sentiment::text, successful, score, data::text as data
from lead_analytics
where (kind = 'individual' and call_id = any ($1) and tenant_id = $2)
   or (kind = 'complete' and tenant_id = $2 and phone = $3)
order by kind, analysed_at desc nulls last, id

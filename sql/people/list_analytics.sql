-- $1 tenant, $2 only ids before this one (null: from the newest), $3 kind (null: any), $4 rows
select id, kind, call_id, source, analysed_at, summary, sentiment::text, successful, score, data::text as data
from lead_analytics
where tenant_id = $1 and ($2::uuid is null or id < $2) and ($3::text is null or kind = $3)
order by id desc
limit $4

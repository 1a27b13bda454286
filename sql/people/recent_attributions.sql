-- $1 tenant, $2 attributions to look at, $3 rows
-- The last attributions by hand that can still be undone, the newest first: along the primary key of attributions, from one
-- line of the operator log to the next. Those of a filter name their tenant; those of ticked calls are a thousand at most.
with recursive lines as (
    (select log_id, 1::bigint as nth from attributions order by log_id desc limit 1)
    union all
    select (select a.log_id from attributions a where a.log_id < l.log_id order by a.log_id desc limit 1), l.nth + 1
    from lines l
    where l.log_id is not null and l.nth < $2
)
select o.id as "id!", o.at as "at!", (o.row_count + coalesce((select sum(s.row_count) from operator_log s where s.operation_id = o.id), 0))::bigint as "calls!", coalesce(u.login, 'token ' || t.label, o.actor) as "who!",
       m.name as "campaign?"
from lines l
cross join lateral (select * from operator_log where id = l.log_id limit 1) o
left join users u on 'user ' || u.id = o.actor
left join api_tokens t on 'token ' || t.id = o.actor
left join campaigns m on m.id::text = o.details ->> 'campaign_id' and m.tenant_id = $1
where coalesce(o.tenant_id = $1,
               exists (select from (select call_id from attributions where log_id = l.log_id limit 1000) a
                       join calls c on c.id = a.call_id and c.tenant_id = $1))
order by l.log_id desc
limit $3

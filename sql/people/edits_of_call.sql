-- $1 call, $2 the same as text, $3 tenant (null: any)
-- Along operator_log_call_idx. Whoever attributed many calls at once is in the log of that.
select coalesce(u.login, 'token ' || t.label, l.actor) as "who!", l.details::text as "details!", m.name as "campaign?", l.at
from operator_log l
left join users u on 'user ' || u.id = l.actor
left join api_tokens t on 'token ' || t.id = l.actor
left join campaigns m on m.id::text = l.details ->> 'campaign_id'
where l.action = 'edit_call' and l.details ->> 'call_id' = $2
  and exists (select from calls c where c.id = $1 and ($3::uuid is null or c.tenant_id = $3))
order by l.at desc
limit 50

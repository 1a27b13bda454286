-- $1 tenant (null: all, and the whole installation), $2 actors, $3 action, $4 from, $5 until, $6 an id that the details
-- name, as text, $7 and $8 the last row before (null: from the newest on), $9 rows; null: any
-- Along operator_log_at_idx, or the index of what is asked for. The steps of an operation are one row, its first, with
-- the rows of all.
select o.id, o.at, o.actor, coalesce(u.login, nullif(t.label, '')) as "actor_name?", n.slug as "tenant?", o.address,
       o.action,
       (o.row_count + coalesce((select sum(s.row_count) from operator_log s where s.operation_id = o.id), 0))::bigint
           as "row_count!",
       o.details::text as "details!"
from operator_log o
left join users u on u.id = case when o.actor ~ '^user [0-9a-f-]{36}$' then substr(o.actor, 6)::uuid end
left join api_tokens t on t.id = case when o.actor ~ '^token [0-9a-f-]{36}$' then substr(o.actor, 7)::uuid end
left join tenants n on n.id = o.tenant_id
where o.operation_id is null
  and ($1::uuid is null or o.tenant_id = $1)
  and ($2::text[] is null or o.actor = any ($2))
  and ($3::text is null or o.action = $3)
  and ($4::timestamptz is null or o.at >= $4)
  and ($5::timestamptz is null or o.at < $5)
  and ($6::text is null or o.details @@ format('$.** == "%s"', $6)::jsonpath)
  and ($7::timestamptz is null or (o.at, o.id) < ($7, $8::uuid))
order by o.at desc, o.id desc
limit $9

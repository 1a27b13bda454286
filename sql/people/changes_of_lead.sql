-- $1 lead as text, $2 rows, $3 and $4 the last row before (null: from the newest on)
-- What people have decided about a lead, the newest first, by operator_log_lead_idx; who only looked is not in it.
-- Of who did it the name they sign in with, or that of the token; who was taken away since is what they were.
select o.id, o.at, coalesce(u.login, nullif(t.label, ''), o.actor) as "by!",
       coalesce(o.details -> 'fields', jsonb_build_array(o.action))::text as "fields!", o.details ->> 'stage' as stage,
       case when o.details -> 'do_not_contact' is not null then o.details ->> 'do_not_contact'
            when o.action = 'do_not_contact' then o.details ->> 'value' end as do_not_contact
from operator_log o
left join users u on o.actor = 'user ' || u.id
left join api_tokens t on o.actor = 'token ' || t.id
where o.details ->> 'lead_id' = $1 and o.action in ('edit_lead', 'do_not_contact')
  and ($4::uuid is null or o.at < $3 or o.at = $3 and o.id > $4)
order by o.at desc, o.id
limit $2

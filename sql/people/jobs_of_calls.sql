-- $1 keys: a person's calls, messages, and the lead with each call, as text, $2 tenant
-- What was to be done because of them, and the reminders of an outreach (their keys are its id and a number), by the
-- unique index on kind and key.
with own as (
    select * from jobs
    where kind in ('start_outreach', 'analyze_call', 'analyze_lead', 'send_alert', 'resend_message')
      and key = any ($1) and tenant_id = $2
), reminders as (
    select r.*
    from own o
    cross join generate_series(1, 9) as n
    join jobs r on r.kind = 'send_reminder' and r.key = o.id || ':' || n and r.tenant_id = $2
    where o.kind = 'start_outreach'
)
select id as "id!", kind as "kind!", coalesce(outcome, 'pending') as "state!", due_at as "due_at!", settled_at, note,
       last_error
from (select * from own union all select * from reminders) j
order by due_at desc, id

-- $1 outreach, $2 the key of the reminder before (none: '')
select call_id, started_at, ended_at, end_reason,
       exists (select from jobs where kind = 'send_reminder' and key = $2 and settled_at is null) as "is_not_its_turn!"
from outreaches where id = $1

-- $1 outreach, $2 the key of the reminder before (none: '')
-- By its key: `outcome is null` says what `settled_at is null` says, without offering the index of jobs that wait, which looks
-- cheaper where the statistics say that none does.
select call_id, started_at, ended_at, end_reason,
       exists (select from jobs where kind = 'send_reminder' and key = $2 and outcome is null) as "is_not_its_turn!"
from outreaches where id = $1

-- A dead event says why: without last_error no index finds it, and no list of dead events shows it.
select id::text as id
from webhook_events
where outcome = 'dead' and last_error is null

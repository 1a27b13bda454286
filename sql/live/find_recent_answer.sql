-- $1 connection, $2 external event ids, $3 since
-- What was answered to the same wish a moment ago, where the platform names no call.
select a.event_id, a.answer::text as "answer!"
from webhook_events e
join live_answers a on a.event_id = e.id
where e.connection_id = $1 and e.external_event_id = any ($2::text[]) and a.at > $3
order by a.at desc
limit 1

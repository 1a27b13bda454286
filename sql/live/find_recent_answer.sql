-- $1 connection, $2 external event ids, $3 since, $4 whoever is on the line
-- What was done for the same wish a moment ago, where the platform names no call; unless the same person has done something
-- else since, after which the wish is a new one.
select a.event_id, a.answer::text as "answer!"
from webhook_events e
join live_answers a on a.event_id = e.id
where e.connection_id = $1 and e.external_event_id = any ($2::text[]) and a.at > $3 and a.wrote
  and not exists (
      select from live_answers b
      where b.connection_id = $1 and b.call_ref = $4 and b.wrote and b.at >= a.at and b.event_id > a.event_id)
order by a.at desc
limit 1

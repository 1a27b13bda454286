-- $1 event
-- What was answered, whether it was done, and how many other functions have written in the same call since.
select a.answer::text as "answer!", a.wrote,
       (select count(*) from live_answers b
        where b.connection_id = a.connection_id and b.call_ref = a.call_ref and b.wrote and b.at >= a.at
          and b.event_id > a.event_id) as "written_since!"
from live_answers a
where a.event_id = $1

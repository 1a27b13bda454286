-- $1 an id beyond all that are made now
-- Up to where events were looked at, and the newest there is. An id that somebody made up may be greater than any of ours.
select (select event_id from monitor_marks where name = 'new') as "new?",
       (select event_id from monitor_marks where name = 'old') as "old?",
       (select id from webhook_events where id < $1 order by id desc limit 1) as "newest?"

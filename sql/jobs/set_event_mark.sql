-- $1 name, $2 event
insert into monitor_marks (name, event_id) values ($1, $2)
on conflict (name) do update set event_id = excluded.event_id

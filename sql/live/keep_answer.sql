-- $1 event, $2 tenant, $3 connection, $4 call, $5 function, $6 whether it wrote, $7 answer as text, $8 now
insert into live_answers (event_id, tenant_id, connection_id, call_ref, function, wrote, answer, at)
values ($1, $2, $3, $4, $5, $6, $7::text::jsonb, $8)

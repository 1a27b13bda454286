-- $1 actor, $2 action, $3 rows, $4 details as text
-- Once an hour for each actor, action and details: a page that is looked at again, or refreshes itself, is one look.
insert into operator_log (actor, action, row_count, details)
select $1, $2, $3, $4::text::jsonb
where not exists (
    select from operator_log
    where actor = $1 and action = $2 and at > now() - interval '1 hour' and details = $4::text::jsonb
)

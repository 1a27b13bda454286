-- $1 minutes, $2 endpoints, $3 answers, $4 slow ones, $5 fallbacks
insert into live_minutes as m (minute, endpoint, answers, slow, fallbacks)
select * from unnest($1::timestamptz[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[])
order by 1, 2
on conflict (minute, endpoint) do update
set answers = m.answers + excluded.answers, slow = m.slow + excluded.slow, fallbacks = m.fallbacks + excluded.fallbacks

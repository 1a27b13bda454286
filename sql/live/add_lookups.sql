-- $1 minutes, $2 sources, $3 numbers, $4 new ones, $5 held back
insert into live_lookups as m (minute, connection_id, numbers, new_numbers, held_back)
select * from unnest($1::timestamptz[], $2::uuid[], $3::bigint[], $4::bigint[], $5::bigint[])
order by 1, 2
on conflict (minute, connection_id) do update
set numbers = m.numbers + excluded.numbers, new_numbers = m.new_numbers + excluded.new_numbers,
    held_back = m.held_back + excluded.held_back

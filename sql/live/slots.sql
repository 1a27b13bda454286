-- $1 tenant, $2 time zone, $3 weekdays, $4 opens, $5 closes, $6 holidays, $7 slot and $8 step in seconds, $9 capacity,
-- $10 earliest, $11 first and $12 last day by the tenant's clock (null: 's from $10), $13 latest, $14 of a day at most,
-- $15 at most
-- Free slots between two days of the tenant, never before the earliest or after the latest.
select s.starts_at as "starts_at!", s.local_at as "local_at!"
from free_slots($1, $2, $3::integer[], $4::text[]::time[], $5::text[]::time[], $6::date[],
                make_interval(secs => $7), make_interval(secs => $8), $9,
                greatest($10::timestamptz, $11::date::timestamp at time zone $2::text),
                least($13::timestamptz, ($12::date + 1)::timestamp at time zone $2::text), $14, $15) s
order by s.starts_at

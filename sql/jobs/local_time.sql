-- $1 now, $2 time zone, $3 quiet from, $4 quiet until (the same: never)
-- Postgres knows every time zone and its changes of the clock.
with local as (
    select $1::timestamptz at time zone $2::text as at
)
select at::date as "day!",
       (case
           when $3::time < $4::time and at::time >= $3 and at::time < $4 then at::date + $4
           when $3::time > $4::time and at::time >= $3 then at::date + 1 + $4
           when $3::time > $4::time and at::time < $4 then at::date + $4
       end) at time zone $2::text as "quiet_until?"
from local

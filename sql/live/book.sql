-- $1 id, $2 tenant, $3 starts at, $4 slot and $5 step in seconds, $6 capacity, $7 number, $8 name, $9 purpose, $10 event,
-- $11 whether nobody vouches for the number
-- Takes the first seat that is free then. Whoever takes the same place at the same moment is waited for, and if they
-- commit nothing is returned: the exclusion constraint decides, not what this statement has seen.
insert into appointments (id, tenant_id, calendar, seat, starts_at, ends_at, busy_until, phone, name, purpose, event_id,
                          unverified)
select $1, $2, c.number, seat.number, $3, $3::timestamptz + make_interval(secs => $4),
       $3::timestamptz + make_interval(secs => $5), $7, $8, $9, $10, $11
from calendars c, generate_series(0, $6::integer - 1) as seat (number)
where c.tenant_id = $2
  and not exists (
      select from appointments a
      where a.tenant_id = $2 and a.cancelled_at is null and a.seat = seat.number
        and a.starts_at < $3::timestamptz + make_interval(secs => $5)
        and a.starts_at > $3::timestamptz - interval '2 days' and a.busy_until > $3)
order by seat.number
limit 1
on conflict do nothing
returning seat

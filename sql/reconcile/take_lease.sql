-- $1 connection, $2 run, $3 now, $4 lease in seconds, $5 scheduled: seconds since the last scheduled run (null: by hand)
-- A row comes back if nobody else is at it and, on the schedule, it is time.
insert into reconcile_leases as l (connection_id, holder, lease_until, scheduled_at)
values ($1, $2, $3::timestamptz + make_interval(secs => $4), case when $5::float8 is not null then $3 end)
on conflict (connection_id) do update
set holder = $2, lease_until = excluded.lease_until, scheduled_at = coalesce(excluded.scheduled_at, l.scheduled_at)
where (l.holder is null or l.lease_until <= $3)
  and ($5 is null or l.scheduled_at is null or l.scheduled_at <= $3 - make_interval(secs => $5))
returning connection_id

-- $1 digest of whom it counts for, $2 length of a window in seconds
-- Counted before the password is looked at, so that attempts at the same moment cannot pass together.
with swept as (
    delete from login_attempts where began_at < now() - 4 * $2::float8 * interval '1 second'
)
insert into login_attempts (subject, began_at, attempts)
values ($1, to_timestamp(floor(extract(epoch from now())::float8 / $2::float8) * $2::float8), 1)
on conflict (subject, began_at) do update set attempts = login_attempts.attempts + 1
returning attempts,
          ceil(extract(epoch from began_at)::float8 + $2::float8 - extract(epoch from now())::float8)::bigint as "seconds_left!"

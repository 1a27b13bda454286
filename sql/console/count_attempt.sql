-- $1 digest of what it counts for, $2 failures that cost no wait, $3 the first wait, $4 the longest, $5 after how long
-- without a failure they are forgotten (all in seconds), $6 the user whom it is about (null: nobody, or not told)
-- Counted as a failure before the password is looked at, so that attempts at the same moment cannot pass together; a
-- success takes it back. Each failure after the free ones doubles the wait. An attempt within the wait is not counted:
-- whoever waits is not kept out for longer by others who do not.
with swept as (
    delete from sign_in_attempts where last_at < now() - $5::float8 * interval '1 second' and subject <> $1
), tried as (
    insert into sign_in_attempts as a (subject, user_id, failures, last_at, free_at)
    values ($1, $6, 1, now(), now() + case when $2::integer <= 1 then $3::float8 else 0 end * interval '1 second')
    on conflict (subject) do update
    set failures = case when a.last_at < now() - $5 * interval '1 second' then 1 else a.failures + 1 end,
        last_at = now(),
        free_at = now() + interval '1 second' * case
            when a.last_at < now() - $5 * interval '1 second' or a.failures + 1 < $2 then 0
            else least($4::float8, $3 * power(2, least(a.failures + 1 - $2, 20)))
        end
    where a.free_at <= now()
    returning a.failures
)
select failures as "failures!", null::bigint as wait_seconds from tried
union all
select a.failures, greatest(1, ceil(extract(epoch from a.free_at - now())))::bigint
from sign_in_attempts a
where a.subject = $1 and not exists (select from tried)

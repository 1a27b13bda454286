-- $1 digests whose failures are forgotten, $2 digests of which one failure is taken back
-- Who is let in has not been guessing.
with forgotten as (
    delete from sign_in_attempts where subject = any ($1)
)
update sign_in_attempts set failures = greatest(failures - 1, 0), free_at = least(free_at, now())
where subject = any ($2)

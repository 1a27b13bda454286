-- $1 digests of whom they count for
-- Who is let in has not been guessing: the attempt that succeeded does not count.
update login_attempts set attempts = greatest(attempts - 1, 0)
where subject = any ($1)

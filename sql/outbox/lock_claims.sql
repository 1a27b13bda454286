-- $1 kind
-- Claims of one kind take turns, so that two who claim at once cannot both give one tenant its last place. The number is
-- only ours.
select pg_advisory_xact_lock(7716302, hashtext($1)) as "locked!"

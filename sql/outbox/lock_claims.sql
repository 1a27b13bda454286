-- $1 kind
-- Claims of one kind take turns, so that two who claim at once cannot both give one tenant its last place. Until the
-- transaction ends no table is read from end to end: a plan is kept for as long as the session, and made while there is
-- nothing to do, when reading everything looks cheapest. Says as well which run of which server has answered.
select pg_advisory_xact_lock(hashtextextended('switchhook claims ' || current_schema() || ' ' || $1::text, 0)) as "locked!",
       set_config('enable_seqscan', 'off', true) as scans,
       pg_postmaster_start_time() as "server_started_at!"

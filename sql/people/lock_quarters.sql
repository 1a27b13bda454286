-- $1 tenant
-- One at a time for each tenant: else who looked earlier could keep older numbers over newer ones. False: another is at
-- it; who waited for them here would keep a connection from others meanwhile.
select pg_try_advisory_xact_lock(hashtextextended('call_quarters ' || current_schema() || ' ' || $1::uuid, 0)) as "locked!"

-- $1 tenant
-- One at a time for each tenant: else who looked earlier could keep older numbers over newer ones.
select pg_advisory_xact_lock(hashtextextended('call_quarters ' || $1::uuid, 0))

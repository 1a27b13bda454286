-- Waits for the batches in hand, and lets none begin until the transaction ends.
select pg_advisory_xact_lock(hashtextextended('switchhook erasure ' || current_schema(), 0))

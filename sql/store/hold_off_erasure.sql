-- Held until the transaction ends. A batch holds it from before it asks who was forgotten until its rows are
-- committed; an erasure takes it alone (sql/store/begin_erasure.sql). So no batch writes of a person by what it knew
-- before the erasure. It is a lock in memory, shared by all batches: nobody waits, but for an erasure.
select pg_advisory_xact_lock_shared(hashtextextended('switchhook erasure ' || current_schema(), 0))

-- Whether nobody else is parsing words: one at a time, until the transaction ends. Else who had read an older transcript
-- could write its words over those of the newer one. Nobody waits: who does not get it has nothing to do.
select pg_try_advisory_xact_lock(hashtextextended('switchhook words ' || current_schema(), 0)) as "is_ours!"

-- $1 id, $2 listed, $3 missing, $4 inserted, $5 error, $6 finished at (null: it goes on)
update reconciliations set listed = $2, missing = $3, inserted = $4, error = $5, finished_at = $6 where id = $1

-- $1 now: runs are told of for ninety days
delete from reconciliations where started_at < $1::timestamptz - interval '90 days'

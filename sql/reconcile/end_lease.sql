-- $1 connection, $2 run
update reconcile_leases set holder = null where connection_id = $1 and holder = $2

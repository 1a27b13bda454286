-- $1 connection, $2 run, $3 now, $4 lease in seconds: no row, if another run has taken over
update reconcile_leases set lease_until = $3::timestamptz + make_interval(secs => $4)
where connection_id = $1 and holder = $2

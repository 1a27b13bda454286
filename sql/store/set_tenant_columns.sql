-- $1 tenant, $2 region, $3 time zone, $4 wait before outreach in seconds
update tenants set region = $2, time_zone = $3, outreach_delay = make_interval(secs => $4) where id = $1

-- $1 now
delete from connection_hours where hour < $1::timestamptz - interval '21 days'

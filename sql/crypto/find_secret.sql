-- $1 name. Our own keys, sealed under a master key.
select value from secrets where name = $1

-- $1 id, $2 claim
select sending_at is not null as "begun!" from jobs where id = $1 and claims = $2 and settled_at is null

-- $1 id
select jsonb_pretty(payload) as "payload!" from jobs where id = $1

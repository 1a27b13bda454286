-- $1 id
select jsonb_pretty(payload) as "payload!" from webhook_events where id = $1

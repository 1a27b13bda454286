-- $1 only ids before this one (null: from the newest), $2 events looked at
-- Where tail.sql stops looking; nothing: it has seen them all.
select id from webhook_events where $1::uuid is null or id < $1 order by id desc offset $2::bigint - 1 limit 1

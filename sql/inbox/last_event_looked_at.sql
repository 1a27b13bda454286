-- $1 only ids before this one (null: from the newest), $2 rows looked at
-- The row up to which sql/inbox/list_events.sql has looked: the next page begins after it. None: it has looked at all.
select id from webhook_events
where id < coalesce($1, 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid)
order by id desc
limit 1 offset $2::bigint - 1

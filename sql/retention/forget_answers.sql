-- $1 pattern of the number, $2 ids of the person: their lead, calls and messages, as text
-- The key stays, so that a repeated request is still not done again; what it was answered goes.
update idempotency_keys set body = '{"forgotten":true}'
where body ~ $1 or exists (select from unnest($2::text[]) as person (id) where strpos(idempotency_keys.body, person.id) > 0)

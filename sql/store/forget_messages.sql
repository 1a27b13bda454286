-- $1 messages
-- The platform's id goes too: WhatsApp's has the number in it. The row is known by its own id, which stays.
update messages set
    provider_message_id = id::text, from_number = null, to_number = null, contact_number = null, body = null,
    body_rank = null, error = null, forgotten_at = coalesce(forgotten_at, now())
where id = any ($1)

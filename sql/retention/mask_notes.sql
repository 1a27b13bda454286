-- $1 ids, $2 pattern of the number
update lead_notes set body = regexp_replace(body, $2, '[forgotten]', 'g') where id = any ($1)

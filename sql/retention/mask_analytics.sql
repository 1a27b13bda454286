-- $1 ids, $2 pattern of the number
update lead_analytics set
    summary = regexp_replace(summary, $2, '[forgotten]', 'g'),
    data = regexp_replace(data::text, $2, '0', 'g')::jsonb
where id = any ($1)

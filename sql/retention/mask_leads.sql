-- $1 ids, $2 pattern of the number
update leads set
    name = regexp_replace(name, $2, '[forgotten]', 'g'),
    name_by_hand = regexp_replace(name_by_hand, $2, '[forgotten]', 'g'),
    profile = regexp_replace(profile::text, $2, '0', 'g')::jsonb
where id = any ($1)

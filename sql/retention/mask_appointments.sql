-- $1 ids, $2 pattern of the number
update appointments set name = regexp_replace(name, $2, '[forgotten]', 'g'), purpose = regexp_replace(purpose, $2, '[forgotten]', 'g')
where id = any ($1)

-- $1 ids of the lead, one a tenant, $2 true: never, false: whatever they said, null: what they said counts
update leads set opted_out_by_hand = $2 where id = any ($1)
